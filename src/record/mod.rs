//! [`Record`]: what is at rest under a key, the tuple `[meta, data]`, length-prefixed. Writes and
//! reads the three forms that `docs/format.md` draws byte by byte.

mod compact;
mod data_sum;
mod encoded;
mod head;
mod parse;
mod prefix;

use std::fmt;

use bytes::Bytes;
use futures::stream::BoxStream;

pub use self::compact::COMPACT_HEAD_BYTES;
pub use self::data_sum::DataSum;
pub use self::head::Head;
use self::head::corrupt;
pub use self::parse::Origin;
pub use self::prefix::Form;
use crate::cbor;
use crate::error::Result;
use crate::meta::{Kind, Meta};

/// A stream of chunks. It ends with an error if it could not be completed, never early.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// The data part of a record.
pub enum Data {
    /// Not asked for.
    None,
    /// All of it.
    Bytes(Bytes),
    /// Chunk after chunk, of one state.
    Stream(ByteStream),
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Data::None => f.write_str("None"),
            Data::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Data::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// A record on its way to a backend: its head and its data.
///
/// The head of a streamed record is not sealed: its size and checksums are zero until the data has
/// gone by. The backend counts with a [`DataSum`] and writes [`Head::seal`] in its place.
#[derive(Debug)]
pub struct Record {
    head: Head,
    data: Data,
}

impl Record {
    /// A record of bytes, sealed.
    ///
    /// # Errors
    /// `TooLarge` if the meta is.
    pub fn new(meta: &Meta, data: Bytes) -> Result<Record> {
        let head = Head::sealed(meta, &DataSum::of(&data))?;
        Ok(Record { head, data: Data::Bytes(data) })
    }

    /// A record whose data comes as a stream; its head is still to be sealed.
    ///
    /// # Errors
    /// `TooLarge` if the meta is.
    pub fn streamed(meta: &Meta, data: ByteStream) -> Result<Record> {
        Ok(Record { head: Head::new(meta)?, data: Data::Stream(data) })
    }

    /// A record of bytes in any form, as one piece: for tests, and for stores of others.
    ///
    /// # Errors
    /// `TooLarge` if the meta is.
    pub fn encode(meta: &Meta, data: &[u8], form: Form) -> Result<Vec<u8>> {
        let head = Head::in_form(meta, form)?.seal(&DataSum::of(data));
        let mut out = head.as_bytes().to_vec();
        if form == Form::Plain && meta.kind == Kind::Binary {
            // In the plain form the data is CBOR, whatever it is.
            cbor::put_bytes(&mut out, data);
        } else {
            out.extend_from_slice(data);
        }
        Ok(out)
    }

    /// Reads a record that is there as one piece, and verifies all of it.
    ///
    /// # Errors
    /// As [`Head::parse`], and `Corrupt` if the data is damaged.
    pub fn decode(bytes: Bytes, origin: Origin) -> Result<(Head, Bytes)> {
        let Some(length) = Head::length(&bytes)?.filter(|length| *length <= bytes.len()) else {
            return Err(corrupt("the record is cut off within its head"));
        };
        let head = Head::parse(bytes.slice(..length), origin)?;
        let mut data = bytes.slice(length..);
        if head.data_sum().is_none() && head.kind() != Kind::Binary {
            // Of a foreign document the first item is the value; what follows is an index.
            let end =
                cbor::item_end(&data, 0).map_err(|why| corrupt("the data is damaged").with_source(why))?;
            data.truncate(end);
        }
        if head.form() == Form::Plain && head.kind() == Kind::Binary {
            let string =
                cbor::head(&data, 0).ok().filter(|item| item.major == cbor::BYTES && !item.is_indefinite());
            let string = string.ok_or_else(|| corrupt("a binary in plain form that is no byte string"))?;
            let end = cbor::string_end(&data, string)
                .map_err(|why| corrupt("the data is damaged").with_source(why))?;
            data = data.slice(string.content..end);
        }
        head.vouch(&DataSum::of(&data))?;
        Ok((head, data))
    }

    /// The head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The data.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Head and data, to be stored.
    pub fn into_parts(self) -> (Head, Data) {
        (self.head, self.data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::error::ErrorKind;
    use crate::key::Key;

    fn meta(kind: Kind) -> Meta {
        let mut meta = Meta::new("ada".into(), kind, Timestamp::from_millis(1_795_260_480_123));
        meta.apply(&crate::meta::MetaUpdate::new().set("owner", "me").unwrap().set(7, &[1, 2]).unwrap());
        meta
    }

    #[test]
    fn what_is_written_is_read_back_in_every_form() {
        for form in [Form::Short, Form::Long, Form::Plain] {
            for (kind, data) in [(Kind::Document, &b"\x83\x01\x02\x03"[..]), (Kind::Binary, b"any bytes")] {
                let bytes = Record::encode(&meta(kind), data, form).unwrap();
                let (head, read) = Record::decode(bytes.clone().into(), Origin::Foreign).unwrap();
                assert_eq!((head.form(), head.kind(), &read[..]), (form, kind, data));
                let read = head.meta().unwrap();
                assert_eq!(read.get::<String>("owner").unwrap().as_deref(), Some("me"));
                assert_eq!((read.key(), read.last_write()), (&Key::from("ada"), meta(kind).last_write()));
                assert_eq!(Record::decode(bytes.into(), Origin::Larder).is_ok(), form == Form::Short);
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_reported() {
        let whole = Record::encode(&meta(Kind::Binary), b"some data", Form::Short).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let error = Record::decode(damaged.into(), Origin::Larder).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "bit {bit}: {error}");
        }
    }

    #[test]
    fn every_truncation_is_reported() {
        let whole = Record::encode(&meta(Kind::Document), b"\x83\x01\x02\x03", Form::Short).unwrap();
        for len in 0..whole.len() {
            let error = Record::decode(whole[..len].to_vec().into(), Origin::Larder).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{len} bytes: {error}");
        }
    }

    #[test]
    fn a_stream_is_sealed_to_the_bytes_of_a_record_in_one_piece() {
        let whole = Record::encode(&meta(Kind::Binary), b"in two pieces", Form::Short).unwrap();
        let unsealed = Head::new(&meta(Kind::Binary)).unwrap();
        let mut sum = DataSum::new();
        sum.update(b"in two ");
        sum.update(b"pieces");
        let sealed = unsealed.seal(&sum);
        assert_eq!(sealed.as_bytes().len(), unsealed.as_bytes().len());
        assert_eq!([sealed.as_bytes(), &b"in two pieces"[..]].concat(), whole);
    }
}
