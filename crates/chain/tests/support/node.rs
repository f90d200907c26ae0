//! A real node of the test's own.

use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use super::Outcome;

/// Ends with the test.
pub(crate) struct Node {
    pub(crate) url: String,
    program: Child,
}

impl Node {
    /// `None` where no node is named.
    pub(crate) fn start() -> Outcome<Option<Self>> {
        Self::start_at("prague")
    }

    /// The same by the rules of an earlier time.
    pub(crate) fn start_at(hardfork: &str) -> Outcome<Option<Self>> {
        let Some(anvil) = env::var_os("SEALPOST_TEST_ANVIL") else { return Ok(None) };
        let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let program = Command::new(anvil)
            .args(["--port", "0", "--host", "127.0.0.1", "--hardfork", hardfork])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut node = Self { url: String::new(), program };
        let stdout = node.program.stdout.take().ok_or("piped")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = loop {
            let line = lines.next().ok_or("it ended")??;
            if let Some(address) = line.strip_prefix("Listening on ") {
                break address.to_owned();
            }
        };
        node.url = format!("http://{address}");
        // What it still says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Some(node))
    }

    pub(crate) async fn mine(&self, blocks: u64) -> Outcome {
        self.call("anvil_mine", json!([format!("{blocks:#x}")])).await?;
        Ok(())
    }

    /// Keeps transactions in the pool until a block is asked for, or no longer does so.
    pub(crate) async fn hold(&self, hold: bool) -> Outcome {
        self.call("evm_setAutomine", json!([!hold])).await?;
        Ok(())
    }

    pub(crate) async fn height(&self) -> Outcome<u64> {
        let number = self.call("eth_blockNumber", json!([])).await?;
        Ok(u64::from_str_radix(number.as_str().ok_or("text")?.trim_start_matches("0x"), 16)?)
    }

    pub(crate) async fn call(&self, method: &str, params: Value) -> Outcome<Value> {
        let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer: Value =
            reqwest::Client::new().post(&self.url).json(&question).send().await?.json().await?;
        match answer.get("result") {
            Some(result) => Ok(result.clone()),
            None => Err(answer.to_string().into()),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _gone = self.program.kill();
        let _reaped = self.program.wait();
    }
}
