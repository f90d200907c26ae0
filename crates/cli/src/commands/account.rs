//! `register`, `login`, `logout`, `whoami`.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use sealpost_api::account::{Account, LoginRequest, LoginResponse, RegisterRequest, SetupRequest};
use serde_json::json;

use crate::{
    client::Client,
    connection::Connection,
    failure::{Doing as _, Failure, Result},
    one_time_link::{Kind, OneTimeLink},
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
    /// Come in by an operator's invitation: its link is asked for
    #[arg(long, conflicts_with_all = ["setup_link", "setup_link_file"])]
    invitation: bool,
    /// The same with a file whose first line is the link (`-`: standard input, before the password)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["invitation", "setup_link", "setup_link_file"])]
    invitation_file: Option<PathBuf>,
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
    let link = match link_asked_for(&args) {
        Some((kind, file, option)) => {
            let link = OneTimeLink::parse(kind, &secret::read(kind.name(), file, option)?)?;
            Some((kind, link))
        }
        None => None,
    };
    let origin = link.as_ref().and_then(|(_, link)| link.store.clone());
    let store = match (&args.connection.store, origin) {
        (None, Some(origin)) => origin,
        _ => named_store(&args.connection)?,
    };
    store.check_transport(args.connection.allow_http)?;
    let client = Client::anonymous(store)?;

    let email = given_or_asked(args.email, "Email", "--email")?;
    let password = secret::read_new("password", args.password_file.as_deref(), "--password-file")?;
    let mut account = RegisterRequest {
        email: email.clone(),
        username: args.username,
        password: password.to_string(),
        invitation: None,
    };
    let response: LoginResponse = match link {
        Some((Kind::Setup, link)) => {
            let request = SetupRequest { setup_token: link.secret.to_string(), account };
            client.post(&["api", "v1", "setup"], &request).await?
        }
        invited => {
            account.invitation = invited.map(|(_, link)| link.secret.to_string());
            client.post(&["api", "v1", "accounts"], &account).await?
        }
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

/// The link that somebody comes in by, the file it is in, and the option that names one.
fn link_asked_for(args: &RegisterArgs) -> Option<(Kind, Option<&Path>, &'static str)> {
    if args.setup_link || args.setup_link_file.is_some() {
        return Some((Kind::Setup, args.setup_link_file.as_deref(), "--setup-link-file"));
    }
    let invited = args.invitation || args.invitation_file.is_some();
    invited.then_some((Kind::Invitation, args.invitation_file.as_deref(), "--invitation-file"))
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
