//! `register`, `login`, `logout`, `whoami`.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
};

use clap::Args;
use sealpost_api::account::{Account, LoginRequest, LoginResponse, RegisterRequest, SetupRequest};
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    client::Client,
    connection::Connection,
    failure::{Doing as _, Failure, Result},
    output::{answer, clean, facts, say},
    secret,
    session::{Session, Sessions, Token},
    store_url::StoreUrl,
};

#[derive(Args, Debug)]
pub(crate) struct RegisterArgs {
    /// Address to sign in with; asked for where absent
    #[arg(long)]
    email: Option<String>,
    /// Name others see [default: the part of the address before the @]
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// File whose first line is the password (`-`: standard input) instead of asking
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Become the first operator: the one-time link that `sealpost serve` printed is asked for
    #[arg(long)]
    setup_link: bool,
    /// The same with a file whose first line is the link (`-`: standard input, before the password)
    #[arg(long, value_name = "FILE", conflicts_with = "setup_link")]
    setup_link_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// Address or name to sign in with; asked for where absent
    #[arg(long)]
    email: Option<String>,
    /// File whose first line is the password (`-`: standard input) instead of asking
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct LogoutArgs {
    /// Sign out in all browsers and programs, on all machines
    #[arg(long)]
    everywhere: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct WhoamiArgs {
    #[command(flatten)]
    pub(crate) connection: Connection,
}

pub(crate) async fn register(args: RegisterArgs) -> Result<()> {
    let link = match (args.setup_link, args.setup_link_file.as_deref()) {
        (false, None) => None,
        (_, file) => Some(SetupLink::parse(&secret::read("setup link", file, "--setup-link-file")?)?),
    };
    let origin = link.as_ref().and_then(|link| link.store.clone());
    let store = match (&args.connection.store, origin) {
        (None, Some(origin)) => origin,
        _ => named_store(&args.connection)?,
    };
    store.check_transport(args.connection.allow_http)?;
    let client = Client::anonymous(store)?;

    let email = given_or_asked(args.email, "Email", "--email")?;
    let password = secret::read_new("password", args.password_file.as_deref(), "--password-file")?;
    let account = RegisterRequest {
        email: email.clone(),
        username: args.username,
        password: password.to_string(),
        invitation: None,
    };
    let response: LoginResponse = match link {
        Some(link) => {
            let request = SetupRequest { setup_token: link.token.to_string(), account };
            client.post(&["api", "v1", "setup"], &request).await?
        }
        None => client.post(&["api", "v1", "accounts"], &account).await?,
    };
    remember(&client, response, email, &args.connection)
}

pub(crate) async fn login(args: LoginArgs) -> Result<()> {
    let store = named_store(&args.connection)?;
    store.check_transport(args.connection.allow_http)?;
    let client = Client::anonymous(store)?;

    let email = given_or_asked(args.email, "Email", "--email")?;
    let password = secret::read("password", args.password_file.as_deref(), "--password-file")?;
    let (email_field, username) =
        if email.contains('@') { (Some(&email), None) } else { (None, Some(&email)) };
    let request = LoginRequest {
        email: email_field.cloned(),
        username: username.cloned(),
        password: password.to_string(),
    };
    let response: LoginResponse = client.post(&["auth", "login"], &request).await?;
    remember(&client, response, email, &args.connection)
}

pub(crate) async fn logout(args: LogoutArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let told = if args.everywhere {
        client.delete(&["api", "v1", "me", "sessions"]).await
    } else {
        client.command(&["auth", "logout"], &json!({})).await
    };
    let mut sessions = Sessions::load()?;
    let store = client.store().to_string();
    sessions.stores.remove(&store);
    sessions.save()?;
    match told {
        // A token that is void already needs no farewell.
        Err(failure) if failure.status() != Some(401) => {
            say!("sealpost: signed out here, but {store} still takes the token until it expires");
            return Err(failure);
        }
        _ => {}
    }
    answer(args.connection.json, &json!({ "store": store, "signed_in": false }), |_| {
        let everywhere = if args.everywhere { ", everywhere" } else { "" };
        format!("Signed out of {store}{everywhere}.")
    });
    Ok(())
}

pub(crate) async fn whoami(args: WhoamiArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let account: Account = client.get(&["api", "v1", "me"], &[]).await?;
    answer(args.connection.json, &account, |account| {
        facts([
            ("Store", Some(client.store().to_string())),
            ("Email", Some(account.email.clone())),
            ("Name", Some(account.username.clone())),
            ("Account", Some(account.user_id.clone())),
            ("Roles", (!account.roles.is_empty()).then(|| account.roles.join(", "))),
        ])
    });
    Ok(())
}

/// The one-time link of the first operator, `https://shop.example/setup#TOKEN`, or its token alone.
struct SetupLink {
    store: Option<StoreUrl>,
    token: Zeroizing<String>,
}

impl SetupLink {
    fn parse(link: &str) -> Result<Self> {
        let refused = |why: &str| {
            Failure::usage("bad_setup_link", why).hint("copy the whole line that `sealpost serve` printed")
        };
        let Some((address, token)) = link.trim().split_once('#') else {
            if link.contains('/') {
                return Err(refused("the setup link has no `#` and nothing behind it"));
            }
            return Ok(Self { store: None, token: Zeroizing::new(link.trim().to_owned()) });
        };
        if token.is_empty() {
            return Err(refused("the setup link has nothing behind its `#`"));
        }
        let address = address.trim_end_matches('/');
        let store = address.strip_suffix("/setup").unwrap_or(address);
        let store =
            store.parse().map_err(|why: &str| refused(&format!("the setup link is no link: {why}")))?;
        Ok(Self { store: Some(store), token: Zeroizing::new(token.to_owned()) })
    }
}

fn named_store(connection: &Connection) -> Result<StoreUrl> {
    connection.store_or(Sessions::load()?.default_store.as_deref())
}

fn remember(client: &Client, response: LoginResponse, email: String, connection: &Connection) -> Result<()> {
    let mut sessions = Sessions::load()?;
    let store = client.store().to_string();
    let session = Session {
        token: Token::new(response.token),
        user_id: response.user_id,
        email,
        allow_http: connection.allow_http,
    };
    let told = json!({ "store": store, "user_id": session.user_id, "email": session.email });
    sessions.default_store = Some(store.clone());
    sessions.stores.insert(store.clone(), session);
    sessions.save()?;
    answer(connection.json, &told, |told| {
        format!("Signed in to {store} as {}.", clean(told["email"].as_str().unwrap_or_default()))
    });
    Ok(())
}

fn given_or_asked(given: Option<String>, what: &str, option: &str) -> Result<String> {
    let text = match given {
        Some(text) => text,
        None if io::stdin().is_terminal() => {
            eprint!("{what}: ");
            io::stderr().flush().doing("terminal", "ask")?;
            let mut line = String::new();
            io::stdin().read_line(&mut line).doing("terminal", "read the answer")?;
            line
        }
        None => {
            return Err(Failure::usage(
                "no_terminal",
                format!("there is no terminal to ask for the {}", what.to_lowercase()),
            )
            .hint(format!("give it with {option}")));
        }
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::usage("empty_answer", format!("the {} is empty", what.to_lowercase()))
            .hint(format!("type it, or give it with {option}")));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setup_link_names_its_store() {
        for link in [
            "http://127.0.0.1:8080/setup#tok",
            "http://127.0.0.1:8080/#tok",
            "http://127.0.0.1:8080/setup/#tok",
        ] {
            let link = SetupLink::parse(link).unwrap();
            assert_eq!(link.store.unwrap().to_string(), "http://127.0.0.1:8080");
            assert_eq!(*link.token, "tok");
        }
    }

    #[test]
    fn a_setup_token_alone_will_do() {
        let link = SetupLink::parse("tok").unwrap();
        assert!(link.store.is_none());
        assert_eq!(*link.token, "tok");
    }

    #[test]
    fn half_a_setup_link_is_refused() {
        for link in ["http://127.0.0.1:8080/setup", "http://127.0.0.1:8080/setup#", "ftp://x#tok"] {
            assert!(SetupLink::parse(link).is_err(), "{link}");
        }
    }
}
