//! Why the contract refused, in words a person can act on.

use alloy::sol_types::{Panic, Revert as Message, SolError, SolInterface};
use sealpost_envelope::ErrorCode;

use crate::{
    contract::{Erc20::Erc20Errors, Marketplace::MarketplaceErrors},
    fault::clean,
};

/// A refusal by the contract, or by a token it called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Revert {
    /// The error's name in the contract; of a token's own words `Error`, of what is not known the first bytes.
    pub name: String,
    sentence: String,
    code: &'static str,
    hint: &'static str,
}

impl Revert {
    /// Reads what a call gave back when it reverted.
    #[must_use]
    pub fn decode(data: &[u8]) -> Self {
        if let Ok(error) = MarketplaceErrors::abi_decode_validate(data) {
            return of_marketplace(&error);
        }
        if let Ok(error) = Erc20Errors::abi_decode_validate(data) {
            return of_token(&error);
        }
        if let Ok(Message { reason }) = Message::abi_decode_validate(data) {
            let sentence = format!("the contract refused: {}", clean(&reason, &[]));
            return Self::new("Error", sentence, "contract_refused", "the sentence is the contract's own");
        }
        if Panic::abi_decode_validate(data).is_ok() {
            let sentence = "the contract met a condition that cannot be";
            return Self::new("Panic", sentence, "contract_panic", "report it, with the transaction");
        }
        let name = format!("0x{}", hex::encode(data.get(..4).unwrap_or(data)));
        let sentence = if data.is_empty() {
            "the contract refused without saying why".to_owned()
        } else {
            format!("the contract refused with an error that is not the marketplace's ({name})")
        };
        Self::new(
            name,
            sentence,
            "contract_refused",
            "is the address that of the marketplace, and of a token?",
        )
    }

    fn new(
        name: impl Into<String>,
        sentence: impl Into<String>,
        code: &'static str,
        hint: &'static str,
    ) -> Self {
        Self { name: name.into(), sentence: sentence.into(), code, hint }
    }
}

impl ErrorCode for Revert {
    fn code(&self) -> &'static str {
        self.code
    }

    fn hint(&self) -> &'static str {
        self.hint
    }
}

fn of_marketplace(error: &MarketplaceErrors) -> Revert {
    use MarketplaceErrors as E;
    match error {
        E::AlreadyPurchased(_) => Revert::new(
            "AlreadyPurchased",
            "this key has bought this version already",
            "already_purchased",
            "nothing is to be paid: ask the store for the purchase",
        ),
        E::BadBuyerKey(_) => Revert::new(
            "BadBuyerKey",
            "the buyer's key is none that the contract knows",
            "bad_buyer_key",
            "use a compressed public key of secp256k1, P-256, P-384, X25519 or Ed25519",
        ),
        E::BadEnvelope(wrong) => Revert::new(
            "BadEnvelope",
            format!("an envelope on chain has 1 to 4096 bytes, this one {}", wrong.length),
            "bad_envelope",
            "let the store deliver it instead",
        ),
        E::BadPrice(_) => {
            Revert::new("BadPrice", "the price is zero", "bad_price", "what is free needs no contract")
        }
        E::FeeTooHigh(wrong) => Revert::new(
            "FeeTooHigh",
            format!("a fee of {} hundredths of a percent is above the contract's limit", wrong.bps),
            "fee_too_high",
            "set 3000 (30 %) or less",
        ),
        E::FeeOnTransfer(wrong) => Revert::new(
            "FeeOnTransfer",
            format!("of {} units the token let {} arrive", wrong.expected, wrong.received),
            "fee_on_transfer",
            "tokens that keep a part of what is sent are not taken; use another token",
        ),
        E::NotListed(_) => Revert::new(
            "NotListed",
            "this version is not for sale on chain",
            "not_listed",
            "the publisher lists it with `sealpost chain list`",
        ),
        E::NotOffered(_) => Revert::new(
            "NotOffered",
            "this listing was not offered to this account",
            "not_offered",
            "its publisher offers it with `sealpost chain transfer`",
        ),
        E::NotPublisher(_) => Revert::new(
            "NotPublisher",
            "this account is not the listing's publisher on chain",
            "not_publisher",
            "use the key that listed it",
        ),
        E::NotPurchased(_) => Revert::new(
            "NotPurchased",
            "this key has not bought this version, or it was refunded",
            "not_purchased",
            "check the purchase and the version",
        ),
        E::NotToken(wrong) => Revert::new(
            "NotToken",
            format!("there is no contract at the token's address {}", wrong.token),
            "not_token",
            "check the token's address in the settings",
        ),
        E::NotTreasury(_) => Revert::new(
            "NotTreasury",
            "fees are settled by the treasury or the contract's owner",
            "not_treasury",
            "use the key of one of them; fees that wait are paid by the treasury's withdrawal anyway",
        ),
        E::NothingToWithdraw(_) => Revert::new(
            "NothingToWithdraw",
            "there is nothing to withdraw",
            "nothing_to_withdraw",
            "`sealpost chain balance` shows what there is",
        ),
        E::RefundWindowClosed(_) => Revert::new(
            "RefundWindowClosed",
            "the time for a refund by the operator is over",
            "refund_window_closed",
            "the publisher can still refund it",
        ),
        E::TokenFixed(wrong) => Revert::new(
            "TokenFixed",
            format!("this version is sold in the token {}, and in no other", wrong.token),
            "token_fixed",
            "sell it in that token or in coin, or publish a new version",
        ),
        E::WrongAmount(wrong) => Revert::new(
            "WrongAmount",
            format!("the contract asks for {} units and was given {}", wrong.expected, wrong.given),
            "wrong_amount",
            "the price changed, or the payout does not cover a refund: look again, then try again",
        ),
        E::WrongReceipt(_) => Revert::new(
            "WrongReceipt",
            "the receipt is not that of the sale",
            "wrong_receipt",
            "read it from the purchase's transaction",
        ),
        E::WrongRecipient(_) => Revert::new(
            "WrongRecipient",
            "the recipient is the zero address, or the contract itself",
            "wrong_recipient",
            "name an account of yours",
        ),
        E::EnforcedPause(_) => Revert::new(
            "EnforcedPause",
            "purchases and listing are paused",
            "paused",
            "the contract's owner ends the pause; withdrawing and refunds work meanwhile",
        ),
        E::ExpectedPause(_) => {
            Revert::new("ExpectedPause", "there is no pause", "not_paused", "nothing is to be done")
        }
        E::OwnableInvalidOwner(_) => {
            Revert::new("OwnableInvalidOwner", "nobody can be no owner", "invalid_owner", "name an account")
        }
        E::OwnableUnauthorizedAccount(_) => Revert::new(
            "OwnableUnauthorizedAccount",
            "this account is not the contract's owner",
            "not_owner",
            "use the owner's key",
        ),
        E::ReentrancyGuardReentrantCall(_) => Revert::new(
            "ReentrancyGuardReentrantCall",
            "the contract was called while it was calling",
            "reentrant",
            "a token or account that does that is not to be trusted",
        ),
        E::SafeERC20FailedOperation(wrong) => Revert::new(
            "SafeERC20FailedOperation",
            format!("the token {} refused the transfer", wrong.token),
            "token_refused",
            "check the account's balance of the token, and that the contract may take it",
        ),
        E::InsufficientBalance(_) | E::FailedCall(_) => Revert::new(
            "FailedCall",
            "the money could not be sent to the account",
            "send_failed",
            "an account that is a contract must take coin; withdraw to another one",
        ),
    }
}

fn of_token(error: &Erc20Errors) -> Revert {
    match error {
        Erc20Errors::ERC20InsufficientBalance(wrong) => Revert::new(
            "ERC20InsufficientBalance",
            format!("the account has {} units of the token and needs {}", wrong.balance, wrong.needed),
            "insufficient_funds",
            "get more of the token",
        ),
        Erc20Errors::ERC20InsufficientAllowance(wrong) => Revert::new(
            "ERC20InsufficientAllowance",
            format!(
                "the contract may take {} units of the token and needs {}",
                wrong.allowance, wrong.needed
            ),
            "insufficient_allowance",
            "approve the amount first",
        ),
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;

    use super::*;
    use crate::contract::Marketplace::WrongAmount;

    #[test]
    fn a_custom_error_is_told_by_its_meaning() {
        let data = WrongAmount { expected: U256::from(7), given: U256::from(5) }.abi_encode();
        let revert = Revert::decode(&data);
        assert_eq!((revert.name.as_str(), revert.code()), ("WrongAmount", "wrong_amount"));
        assert_eq!(revert.to_string(), "the contract asks for 7 units and was given 5");
    }

    #[test]
    fn what_is_not_known_is_told_by_its_first_bytes_and_its_words_cannot_steer_a_terminal() {
        assert_eq!(Revert::decode(&[1, 2, 3, 4, 5]).name, "0x01020304");
        assert_eq!(Revert::decode(&[]).name, "0x");
        let words = Message { reason: "no\u{1b}[2J".to_owned() }.abi_encode();
        assert_eq!(Revert::decode(&words).to_string(), "the contract refused: no [2J");
    }
}
