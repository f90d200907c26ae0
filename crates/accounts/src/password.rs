//! Passwords: the rules, and Argon2id (RFC 9106) with the library's parameters (19 MiB, 2 passes), off the event loop.

use std::sync::{Arc, OnceLock};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use http::StatusCode;
use rand_core::Rng;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::{ApiError, random::system_rng};

/// Fewest characters.
pub const MIN_CHARS: usize = 10;
/// Most bytes; longer ones are no safer and cost time.
pub const MAX_BYTES: usize = 1024;
/// Sign-ins that may wait for a slot; more are told to come back.
const WAITING: usize = 64;

/// Words that are tried first everywhere, in the lengths that would pass otherwise.
const KNOWN: [&str; 16] = [
    "1234567890",
    "0123456789",
    "0987654321",
    "1q2w3e4r5t",
    "12345678910",
    "123456789a",
    "qwertyuiop",
    "password12",
    "password123",
    "passw0rd123",
    "password1234",
    "iloveyou123",
    "letmein1234",
    "administrator",
    "changeme123",
    "correcthorsebatterystaple",
];

/// Checks a new password for an account of that address and name.
///
/// # Errors
/// Which rule it breaks.
pub fn check(password: &str, email: &str, username: &str) -> Result<(), PasswordError> {
    if password.chars().count() < MIN_CHARS {
        return Err(PasswordError::TooShort);
    }
    if password.len() > MAX_BYTES {
        return Err(PasswordError::TooLong);
    }
    let folded = password.to_lowercase();
    let mut characters = folded.chars();
    let first = characters.next();
    let repeated = characters.all(|character| Some(character) == first);
    if repeated || KNOWN.contains(&folded.as_str()) || folded == email || folded == username.to_lowercase() {
        return Err(PasswordError::Guessable);
    }
    Ok(())
}

/// Which rule a new password breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// Below [`MIN_CHARS`].
    #[error("the password has fewer than {MIN_CHARS} characters")]
    TooShort,
    /// Above [`MAX_BYTES`].
    #[error("the password has more than {MAX_BYTES} bytes")]
    TooLong,
    /// A well-known one, one repeated character, or the account's own address or name.
    #[error("the password is among the first ones that are tried")]
    Guessable,
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "weak_password", "The password is not accepted")
            .detail(error.to_string())
            .hint(format!("Use at least {MIN_CHARS} characters; three or four random words are good."))
    }
}

/// Hashes and checks passwords on blocking threads, as many at once as there are cores.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    slots: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// What a password is checked against when the account does not exist, so that both take the same time.
    decoy: Arc<OnceLock<String>>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            slots: Arc::new(Semaphore::new(cores)),
            waiting: Arc::new(Semaphore::new(WAITING + cores)),
            decoy: Arc::default(),
        }
    }

    pub(crate) async fn hash(&self, password: Zeroizing<String>) -> Result<String, ApiError> {
        self.run(move || hash(&password)).await?
    }

    /// Whether the password fits; `None` is an account that does not exist, and an empty text one without a password: none fits
    /// these, nor does one above [`MAX_BYTES`], after the same time.
    pub(crate) async fn verify(
        &self,
        password: Zeroizing<String>,
        known: Option<String>,
    ) -> Result<bool, ApiError> {
        let decoy = self.decoy.clone();
        let too_long = password.len() > MAX_BYTES;
        let password = if too_long { Zeroizing::default() } else { password };
        let known = known.filter(|phc| !phc.is_empty());
        self.run(move || {
            let exists = known.is_some();
            let phc = match known {
                Some(phc) => phc,
                None => match decoy.get() {
                    Some(phc) => phc.clone(),
                    None => {
                        let phc = hash("no password at all")?;
                        decoy.get_or_init(|| phc).clone()
                    }
                },
            };
            let phc = PasswordHash::new(&phc).map_err(ApiError::internal)?;
            let fits = Argon2::default().verify_password(password.as_bytes(), &phc).is_ok();
            Ok(fits && exists && !too_long)
        })
        .await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
        let _place = self.waiting.try_acquire().map_err(|_| busy())?;
        let slot = self.slots.clone().acquire_owned().await.map_err(ApiError::internal)?;
        tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work()
        })
        .await
        .map_err(ApiError::internal)
    }
}

fn hash(password: &str) -> Result<String, ApiError> {
    let mut salt = [0; 16];
    system_rng().fill_bytes(&mut salt);
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(ApiError::internal)
}

fn busy() -> ApiError {
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many people are signing in")
        .hint("Try again in a few seconds.")
        .retry_after(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_name_what_is_wrong() {
        let check = |password: &str| check(password, "ann@example.org", "Annabelle-Long");
        assert_eq!(check("short"), Err(PasswordError::TooShort));
        assert_eq!(check("äöüäöüäöü"), Err(PasswordError::TooShort));
        assert_eq!(check(&"long".repeat(300)), Err(PasswordError::TooLong));
        for guessable in ["aaaaaaaaaaaa", "Password123", "ANN@example.org", "annabelle-long"] {
            assert_eq!(check(guessable), Err(PasswordError::Guessable), "{guessable}");
        }
        assert_eq!(check("plum tractor seven"), Ok(()));
    }

    #[tokio::test]
    async fn only_the_right_password_of_an_existing_account_fits() {
        let passwords = Passwords::new();
        let secret = |text: &str| Zeroizing::new(text.to_owned());
        let phc = passwords.hash(secret("plum tractor seven")).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(passwords.verify(secret("plum tractor seven"), Some(phc.clone())).await.unwrap());
        assert!(!passwords.verify(secret("plum tractor eight"), Some(phc)).await.unwrap());
        assert!(!passwords.verify(secret("no password at all"), None).await.unwrap());
    }
}
