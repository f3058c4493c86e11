//! The wire format of Protocol Buffers: fields in the order they came, so that whatever is not understood is
//! written back as it was read.

/// Bytes that are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no ONNX file: {0}")]
pub struct WireError(&'static str);

const CUT_OFF: WireError = WireError("a field is cut off");

/// One field of a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    /// Its number in the message's definition.
    pub(super) number: u64,
    /// Its value.
    pub(super) value: Value,
}

/// A value as it travels; what it means depends on the field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A whole number of up to 64 bits.
    Varint(u64),
    /// Eight bytes.
    Fixed64([u8; 8]),
    /// A text, some bytes, packed numbers or another message.
    Bytes(Vec<u8>),
    /// Four bytes.
    Fixed32([u8; 4]),
}

/// The fields of a message.
pub(super) fn fields(mut bytes: &[u8]) -> Result<Vec<Field>, WireError> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut bytes)?),
            1 => Value::Fixed64(array(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).map_err(|_| CUT_OFF)?;
                Value::Bytes(taken(&mut bytes, length)?.to_vec())
            }
            5 => Value::Fixed32(array(&mut bytes)?),
            _ => return Err(WireError("a field is of a kind that is no longer used")),
        };
        fields.push(Field { number: key >> 3, value });
    }
    Ok(fields)
}

/// Whole numbers written one after the other without keys.
pub(super) fn packed(mut bytes: &[u8]) -> Result<Vec<u64>, WireError> {
    let mut numbers = Vec::new();
    while !bytes.is_empty() {
        numbers.push(varint(&mut bytes)?);
    }
    Ok(numbers)
}

/// Writes fields as a message.
pub(super) fn message(fields: &[Field]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for Field { number, value } in fields {
        let mut key = |kind: u64| write_varint(number << 3 | kind, &mut bytes);
        match value {
            Value::Varint(number) => {
                key(0);
                write_varint(*number, &mut bytes);
            }
            Value::Fixed64(eight) => {
                key(1);
                bytes.extend_from_slice(eight);
            }
            Value::Bytes(content) => {
                key(2);
                write_varint(content.len() as u64, &mut bytes);
                bytes.extend_from_slice(content);
            }
            Value::Fixed32(four) => {
                key(5);
                bytes.extend_from_slice(four);
            }
        }
    }
    bytes
}

fn varint(bytes: &mut &[u8]) -> Result<u64, WireError> {
    let mut number = 0_u64;
    for place in 0..10 {
        let [byte] = array::<1>(bytes)?;
        number |= u64::from(byte & 0x7F) << (7 * place);
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(WireError("a number has no end"))
}

fn write_varint(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn taken<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], WireError> {
    let (head, tail) = bytes.split_at_checked(length).ok_or(CUT_OFF)?;
    *bytes = tail;
    Ok(head)
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], WireError> {
    let (head, tail) = bytes.split_first_chunk::<N>().ok_or(CUT_OFF)?;
    *bytes = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<u64>().prop_map(Value::Varint),
            any::<[u8; 8]>().prop_map(Value::Fixed64),
            prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
            any::<[u8; 4]>().prop_map(Value::Fixed32),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            given in prop::collection::vec((1_u64..1 << 29, value()), 0..20),
        ) {
            let given: Vec<Field> =
                given.into_iter().map(|(number, value)| Field { number, value }).collect();
            prop_assert_eq!(fields(&message(&given)), Ok(given));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(fields_found) = fields(&bytes) {
                prop_assert_eq!(fields(&message(&fields_found)), Ok(fields_found));
            }
            let _ = packed(&bytes);
        }
    }
}
