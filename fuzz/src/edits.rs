/// `base` after the changes that `script` describes, four bytes each: what to do, where (16 bit), and with what.
///
/// For inputs that plain bytes never come near, because a hash or a signature stands before them.
pub fn edited(base: &[u8], script: &[u8]) -> Vec<u8> {
    let mut bytes = base.to_vec();
    for step in script.chunks_exact(4).take(16) {
        let [what, high, low, value] = *step else { break };
        let length = bytes.len();
        if length == 0 {
            break;
        }
        // Spread over all of a long base, and exact near both ends of it.
        let place = usize::from(u16::from_be_bytes([high, low]));
        let at = match what & 0x30 {
            0x00 => place % length,
            0x10 => length - 1 - place % length,
            _ => place * length / (1 << 16),
        };
        let end = (at + usize::from(value)).min(length);
        match what & 0x07 {
            0 | 1 => bytes[at] ^= value,
            2 => bytes[at] = value,
            3 => bytes.insert(at, value),
            4 => drop(bytes.drain(at..end)),
            5 => bytes.truncate(at),
            6 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => bytes.push(value),
        }
    }
    bytes
}
