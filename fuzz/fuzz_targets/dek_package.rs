//! Key packages of LMNT printers, NaCl boxes and those under a PSEK.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealpost_envelope::{
    Dek, PrinterPublic, PrinterSecret, nacl_box,
    psek::{self, KeyPackage, Psek},
};
use sealpost_fuzz::{Counting, edited, stranger};

fuzz_target!(|data: &[u8]| {
    let printer = PrinterSecret::from_bytes([7; 32]);
    if let Ok(text) = std::str::from_utf8(data) {
        let nobody = PrinterSecret::from_bytes(stranger(data));
        assert!(nacl_box::unwrap(text, &nobody).is_err(), "opened for a stranger");
        // Nothing but the padding is authenticated: what opens must at least have the form.
        if psek::unwrap(text, &Psek::from_bytes([7; 32])).is_ok() {
            assert!(text.len() == 128 && text.bytes().all(|digit| digit.is_ascii_hexdigit()));
            assert_eq!(KeyPackage::of(text), KeyPackage::Psek(text));
        }
        if let Ok(public) = text.parse::<PrinterPublic>() {
            assert_eq!(public.to_string(), text);
        }
    }

    let package =
        nacl_box::wrap(&Dek::from_bytes([9; 32]), &printer.public(), &mut Counting::default()).unwrap();
    let changed = edited(package.as_bytes(), data);
    if let Ok(text) = std::str::from_utf8(&changed)
        && let Ok(dek) = nacl_box::unwrap(text, &printer)
    {
        assert_eq!(text, package, "a changed package opens");
        assert_eq!(dek, Dek::from_bytes([9; 32]));
    }
});
