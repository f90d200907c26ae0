//! A marketplace on a node, with accounts and a token.

use alloy::sol_types::SolCall as _;
use sealpost_chain::{KeyFile, Reader, Sender, Settings};
use sealpost_market::chain::{Address, CallData};

use super::{Outcome, node::Node};

/// The accounts that anvil gives coin to.
const KEYS: [&str; 4] = [
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
];

alloy::sol! {
    function mint(address to, uint256 amount) external;
}

/// Account 0 owns it, account 3 gets the fees.
pub(crate) struct Market<'a> {
    node: &'a Node,
    pub(crate) contract: Address,
    pub(crate) token: Address,
    pub(crate) from_block: u64,
    /// Nobody's account, without any money.
    pub(crate) elsewhere: Address,
}

impl<'a> Market<'a> {
    pub(crate) async fn open(node: &'a Node, fee_bps: u16) -> Outcome<Self> {
        let owner = sender(Settings::without_contract(31337, &node.url)?, 0)?;
        let treasury = sender(Settings::without_contract(31337, &node.url)?, 3)?.address();
        let deployed = owner.deploy(owner.address(), treasury, fee_bps).await?;
        let usdc: serde_json::Value =
            serde_json::from_str(include_str!("../../../../contracts/artifact/test/Usdc.json"))?;
        let code = hex::decode(usdc["bytecode"].as_str().ok_or("text")?.trim_start_matches("0x"))?;
        let token = owner.create(&code).await?.contract;
        let (contract, from_block) = (deployed.contract, deployed.block.number);
        Ok(Self { node, contract, token, from_block, elsewhere: Address::new([0xee; 20]) })
    }

    pub(crate) fn settings(&self, finality: &str) -> Outcome<Settings> {
        Ok(toml::from_str(&format!(
            "id = 31337\ncontract = \"{}\"\nrpc = [\"{}\"]\nfinality = {finality}\n
             [[tokens]]\nsymbol = \"USDC\"\naddress = \"{}\"\ndecimals = 6\n",
            self.contract, self.node.url, self.token
        ))?)
    }

    pub(crate) fn sender(&self, account: usize) -> Outcome<Sender> {
        sender(self.settings("0")?, account)
    }

    pub(crate) async fn mint(&self, to: Address, amount: u64) -> Outcome {
        let call = mintCall { to: to.as_bytes().into(), amount: alloy::primitives::U256::from(amount) };
        let call = CallData { to: self.token, data: call.abi_encode(), value: 0 };
        self.sender(0)?.send_data(&call).await?;
        Ok(())
    }
}

/// One of anvil's accounts.
pub(crate) fn sender(settings: Settings, account: usize) -> Outcome<Sender> {
    let KeyFile::Plain(signer) = KeyFile::parse(KEYS[account])? else { return Err("plain".into()) };
    Ok(Sender::new(Reader::new(settings)?, signer))
}
