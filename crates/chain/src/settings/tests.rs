use super::*;

const CONTRACT: &str = "0x5fbdb2315678afecb367f032d93f642f64180aa3";
const USDC: &str = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48";

fn read(rpc: &[&str], more: &str) -> Result<Settings, String> {
    let text = format!("id = 1\ncontract = \"{CONTRACT}\"\nrpc = {rpc:?}\n{more}");
    toml::from_str(&text).map_err(|error| error.message().to_owned())
}

fn token(symbol: &str, address: &str, decimals: u8) -> String {
    format!("[[tokens]]\nsymbol = \"{symbol}\"\naddress = \"{address}\"\ndecimals = {decimals}\n")
}

#[test]
fn more_than_half_agree_by_default() {
    let all = ["https://a.example", "https://b.example", "https://c.example", "https://d.example"];
    for (endpoints, agree) in [(1, 1), (2, 2), (3, 2), (4, 3)] {
        assert_eq!(read(&all[..endpoints], "").unwrap().agree, agree);
    }
    assert_eq!(read(&all, "agree = 4").unwrap().agree, 4);
    for agree in [0, 2, 5] {
        let wrong = read(&all, &format!("agree = {agree}")).unwrap_err();
        assert_eq!(wrong, format!("`agree` is {agree}, and of 4 endpoints 3 to 4 can agree"));
    }
}

#[test]
fn answers_that_others_could_change_on_the_way_are_refused() {
    for near in [
        "http://127.0.0.1:8545",
        "http://[::1]:8545",
        "http://localhost:8545/x",
        "http://geth:8545",
        "http://192.168.1.5:8545",
        "http://node.internal",
        "https://rpc.example",
    ] {
        assert!(read(&[near], "").is_ok(), "{near}");
    }
    for far in ["http://rpc.example/k3y", "http://8.8.8.8/k3y", "http://[2001:db8::1]/k3y"] {
        let wrong = read(&[far], "").unwrap_err();
        assert!(wrong.contains("http://, so that anybody on the way") && !wrong.contains("k3y"), "{wrong}");
    }
}

#[test]
fn one_host_is_one_endpoint() {
    let wrong = read(&["https://a.example/k3y1", "https://A.example:443/k3y2"], "").unwrap_err();
    assert_eq!(wrong, "`rpc` names a.example twice; one that lies would be two that agree");
    assert!(read(&["http://127.0.0.1:1", "http://127.0.0.1:2"], "").is_ok());
    assert!(read(&[], "").is_err());
}

#[test]
fn finality_is_a_tag_or_a_number_of_blocks() {
    let finality = |text: &str| read(&["https://a.example"], text).map(|settings| settings.finality);
    assert_eq!(finality(""), Ok(Finality::Finalized));
    assert_eq!(finality("finality = \"safe\""), Ok(Finality::Safe));
    assert_eq!(finality("finality = 12"), Ok(Finality::Blocks(12)));
    assert_eq!(Finality::Blocks(12).to_string(), "12");
    for wrong in ["0", "-1", "\"latest\"", "1.5", "\"12\"", "[]"] {
        let refused = finality(&format!("finality = {wrong}")).unwrap_err();
        assert!(refused.starts_with("`finality` is "), "{wrong}: {refused}");
    }
    let text = format!("id = 31337\ncontract = \"{CONTRACT}\"\nrpc = [\"http://localhost\"]\nfinality = 0");
    assert_eq!(toml::from_str::<Settings>(&text).unwrap().finality, Finality::Blocks(0));
}

#[test]
fn tokens_have_the_decimals_their_codes_stand_for() {
    let with = |tokens: &str| read(&["https://a.example"], tokens);
    assert_eq!(with(&token("USDC", USDC, 6)).unwrap().tokens[0].decimals, 6);
    let wrong = with(&token("USDC", USDC, 18)).unwrap_err();
    assert_eq!(wrong, "token USDC has 18 decimals by the settings, and 6 by its code");
    for twice in [
        token("USDC", USDC, 6) + &token("USDC", CONTRACT, 6),
        token("USDC", USDC, 6) + &token("USDT", USDC, 6),
        token("ETH", USDC, 18),
    ] {
        assert!(with(&twice).unwrap_err().contains("is there twice"), "{twice}");
    }
    assert!(with(&token("USDC", "0x0000000000000000000000000000000000000000", 6)).is_err());
    assert!(with("coin = \"USDC\"").unwrap_err().contains("has 6 decimals here"));
}

#[test]
fn a_coin_is_called_what_its_chain_is_known_for() {
    let on = |id: u64, coin: &str| {
        let text = format!("id = {id}\ncontract = \"{CONTRACT}\"\nrpc = [\"https://a.example\"]\n{coin}");
        toml::from_str::<Settings>(&text)
            .map(|settings| settings.coin.to_string())
            .map_err(|error| error.to_string())
    };
    assert_eq!((on(137, "").unwrap(), on(1, "").unwrap()), ("POL".to_owned(), "ETH".to_owned()));
    assert_eq!(on(137, "coin = \"MATIC\"").unwrap(), "MATIC");
    assert!(on(1, "coin = \"DAI\"").unwrap_err().contains("the coin of chain 1 (Ethereum) is ETH"));
    assert_eq!(on(99_999, "coin = \"DAI\"").unwrap(), "DAI", "nobody knows better");
}

#[test]
fn what_is_not_known_or_out_of_range_is_refused() {
    for (more, words) in [
        ("agre = 2", "agre"),
        ("timeout_ms = 1", "`timeout_ms` is 1; it is 50 to 120000"),
        ("max_answer_bytes = 10", "`max_answer_bytes`"),
        ("poll_ms = 0", "`poll_ms`"),
        ("explorer = \"etherscan\"", "`explorer`"),
    ] {
        let wrong = read(&["https://a.example"], more).unwrap_err();
        assert!(wrong.contains(words), "{wrong}");
    }
}

#[test]
fn an_operator_hears_of_what_works_and_is_weak() {
    let warnings = read(&["https://a.example"], "").unwrap().warnings();
    assert!(warnings[0].contains("1 of the three endpoints") && warnings[1].contains("`from_block`"));
    let all = ["https://a.example", "https://b.example", "https://c.example"];
    for first in ["0", "5"] {
        let settings = read(&all, &format!("from_block = {first}")).unwrap();
        assert_eq!(settings.warnings(), Vec::<String>::new(), "{first}");
    }
    assert_eq!(read(&all, "").unwrap().from_block, 0);
}

#[test]
fn payments_that_count_early_are_warned_of_by_chain() {
    let three = ["https://a.example", "https://b.example", "https://c.example"];
    let warned = |chain: u64, finality: &str| {
        let text = format!("from_block = 1\nfinality = {finality}");
        let mut settings = read(&three, &text).unwrap();
        settings.chain_id = chain;
        settings.warnings().iter().any(|warning| warning.contains("`finality`"))
    };
    for (chain, depth) in [(1, 32), (137, 128), (56, 15), (424_242, 12)] {
        assert!(warned(chain, "1") && warned(chain, &(depth - 1).to_string()), "{chain}");
        assert!(!warned(chain, &depth.to_string()) && !warned(chain, "\"safe\""), "{chain}");
    }
    assert!(!warned(31_337, "1"), "a developer's own machine");
}

#[test]
fn endpoints_without_brackets_are_endpoints() {
    let text = format!("id = 1\ncontract = \"{CONTRACT}\"\nrpc = \"https://a.example/v2/k3y\"");
    let settings: Settings = toml::from_str(&text).unwrap();
    assert_eq!(settings.rpc.len(), 1);
}
