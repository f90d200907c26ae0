//! What wallets send, by the contract's ABI.

use alloy::{
    primitives::{Bytes, U256, aliases::U96},
    sol_types::SolCall,
};
use sealpost_market::chain::{Address, CallData, ContractCall, PurchaseReceipt};

use crate::{
    contract::{Erc20, Marketplace, Receipt},
    convert::{address, hash, token},
};

/// The call as a transaction carries it: to the contract, or to the token where it is one of a token.
///
/// A refund carries nothing of its own money; see [`refund_with`]. A price beyond 96 bits becomes the largest there is,
/// which nobody can pay.
#[must_use]
pub fn call_data(contract: Address, call: &ContractCall) -> CallData {
    let to_contract = |data: Vec<u8>| CallData { to: contract, data, value: 0 };
    match call {
        ContractCall::Approve { token, amount } => {
            let call = Erc20::approveCall { spender: address(contract), amount: U256::from(*amount) };
            CallData { to: *token, data: call.abi_encode(), value: 0 }
        }
        ContractCall::Purchase { item, key, token, amount } => {
            let call = Marketplace::purchaseCall {
                pluginId: hash(*item),
                buyerPubkey: Bytes::copy_from_slice(key.as_bytes()),
                amount: U256::from(*amount),
            };
            let value = if token.is_some() { 0 } else { *amount };
            CallData { value, ..to_contract(call.abi_encode()) }
        }
        ContractCall::List { item, token: paid_in, price } => to_contract(
            Marketplace::listCall { pluginId: hash(*item), token: token(*paid_in), price: price_of(*price) }
                .abi_encode(),
        ),
        ContractCall::Unlist { item } => {
            to_contract(Marketplace::unlistCall { pluginId: hash(*item) }.abi_encode())
        }
        ContractCall::Withdraw { token: None, to: None } => {
            to_contract(Marketplace::withdrawCall {}.abi_encode())
        }
        ContractCall::Withdraw { token: Some(token), to: None } => {
            to_contract(Marketplace::withdrawTokenCall { token: address(*token) }.abi_encode())
        }
        ContractCall::Withdraw { token: paid_in, to: Some(to) } => {
            to_contract(Marketplace::withdrawToCall { token: token(*paid_in), to: address(*to) }.abi_encode())
        }
        ContractCall::SettleFees { publisher, token: paid_in } => to_contract(
            Marketplace::settleFeesCall { account: address(*publisher), token: token(*paid_in) }.abi_encode(),
        ),
        ContractCall::Refund { item, key, receipt } => to_contract(
            Marketplace::refundCall {
                pluginId: hash(*item),
                buyerPubkey: Bytes::copy_from_slice(key.as_bytes()),
                receipt: receipt_of(receipt),
            }
            .abi_encode(),
        ),
        ContractCall::Deliver { item, key, envelope } => to_contract(
            Marketplace::deliverCall {
                pluginId: hash(*item),
                buyerPubkey: Bytes::copy_from_slice(key.as_bytes()),
                envelope: Bytes::copy_from_slice(envelope),
            }
            .abi_encode(),
        ),
        ContractCall::TransferListing { item, to } => to_contract(
            Marketplace::transferListingCall { pluginId: hash(*item), to: address(*to) }.abi_encode(),
        ),
        ContractCall::AcceptListing { item } => {
            to_contract(Marketplace::acceptListingCall { pluginId: hash(*item) }.abi_encode())
        }
        ContractCall::Pause => to_contract(Marketplace::pauseCall {}.abi_encode()),
        ContractCall::Unpause => to_contract(Marketplace::unpauseCall {}.abi_encode()),
        ContractCall::SetFee { bps } => to_contract(Marketplace::setFeeCall { bps: *bps }.abi_encode()),
        ContractCall::SetTreasury { treasury } => {
            to_contract(Marketplace::setTreasuryCall { to: address(*treasury) }.abi_encode())
        }
        // The rules' list may grow; a call of nothing reverts at the contract.
        _ => to_contract(Vec::new()),
    }
}

/// A refund that brings `shortfall` wei along, for a publisher who has withdrawn the money already.
#[must_use]
pub fn refund_with(refund: CallData, shortfall: u128) -> CallData {
    CallData { value: shortfall, ..refund }
}

fn price_of(price: u128) -> U96 {
    U96::try_from(price).unwrap_or(U96::MAX)
}

fn receipt_of(receipt: &PurchaseReceipt) -> Receipt {
    Receipt {
        payer: address(receipt.payer),
        publisher: address(receipt.publisher),
        token: token(receipt.token),
        amount: receipt.amount,
        fee: receipt.fee,
        paidAt: receipt.paid_at,
    }
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolInterface as _;
    use sealpost_market::chain::{BuyerKey, ChainHash};

    use super::*;
    use crate::contract::Marketplace::MarketplaceCalls;

    const CONTRACT: Address = Address::new([0xc0; 20]);
    const TOKEN: Address = Address::new([0x70; 20]);
    const ITEM: ChainHash = ChainHash::new([5; 32]);

    fn key() -> BuyerKey {
        BuyerKey::from_chain([2; 33])
    }

    #[test]
    fn coin_goes_along_with_a_purchase_in_coin_alone() {
        let purchase = |token| ContractCall::Purchase { item: ITEM, key: key(), token, amount: 7 };
        let (coin, token) =
            (call_data(CONTRACT, &purchase(None)), call_data(CONTRACT, &purchase(Some(TOKEN))));
        assert_eq!((coin.to, coin.value, token.value), (CONTRACT, 7, 0));
        assert_eq!(coin.data, token.data);
        let MarketplaceCalls::purchase(read) = MarketplaceCalls::abi_decode_validate(&coin.data).unwrap()
        else {
            panic!("a purchase")
        };
        assert_eq!((read.amount, &read.buyerPubkey[..]), (U256::from(7), key().as_bytes()));
    }

    #[test]
    fn an_approval_goes_to_the_token_and_names_the_contract() {
        let call = call_data(CONTRACT, &ContractCall::Approve { token: TOKEN, amount: 9 });
        assert_eq!((call.to, call.value), (TOKEN, 0));
        let read = Erc20::approveCall::abi_decode_validate(&call.data).unwrap();
        assert_eq!((read.spender, read.amount), (address(CONTRACT), U256::from(9)));
    }

    #[test]
    fn every_call_is_one_of_the_contract() {
        let receipt =
            PurchaseReceipt { payer: TOKEN, publisher: TOKEN, token: None, amount: 1, fee: 0, paid_at: 1 };
        let (item, key, to) = (ITEM, key(), TOKEN);
        let calls = [
            ContractCall::List { item, token: None, price: 5 },
            ContractCall::Unlist { item },
            ContractCall::Withdraw { token: None, to: None },
            ContractCall::Withdraw { token: Some(TOKEN), to: None },
            ContractCall::Withdraw { token: None, to: Some(to) },
            ContractCall::SettleFees { publisher: to, token: None },
            ContractCall::Refund { item, key: key.clone(), receipt },
            ContractCall::Deliver { item, key, envelope: vec![1] },
            ContractCall::TransferListing { item, to },
            ContractCall::AcceptListing { item },
            ContractCall::Pause,
            ContractCall::Unpause,
            ContractCall::SetFee { bps: 1 },
            ContractCall::SetTreasury { treasury: to },
        ];
        let mut seen = std::collections::HashSet::new();
        for call in calls {
            let data = call_data(CONTRACT, &call);
            assert_eq!((data.to, data.value), (CONTRACT, 0), "{call:?}");
            assert!(MarketplaceCalls::abi_decode_validate(&data.data).is_ok(), "{call:?}");
            assert!(seen.insert(data.data[..4].to_vec()), "{call:?}");
        }
    }
}
