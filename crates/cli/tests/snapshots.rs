//! What the command says, kept as data: `tests/cmd/**/*.toml` with the expected output beside them.

#[test]
fn the_command_says_what_is_written_down() {
    let folder = tempfile::tempdir().expect("a folder for sign-ins");
    trycmd::TestCases::new()
        .case("tests/cmd/help/*.toml")
        .case("tests/cmd/errors/*.toml")
        .case("tests/cmd/offline/*.toml")
        .case("tests/cmd/wallet/*.toml")
        .env("SEALPOST_CONFIG_DIR", folder.path().to_string_lossy())
        .env("HOME", folder.path().to_string_lossy());
}
