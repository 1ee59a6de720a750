//! What queries are given and what they answer, the same for both databases.

use postgresql::Value;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::error::IssuerError;

/// Values of a query, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::store::value::Bind::bind(&$value)),*] };
}
pub(super) use values;

/// What is written into a query.
pub(super) trait Bind {
    /// As it is stored. Numbers that the databases do not have cannot be stored.
    fn bind(&self) -> Bound<'_>;
}

/// A value, or none because it is not one that can be stored.
pub(super) struct Bound<'v>(pub(super) Option<Value<'v>>);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Some(Value::Null) => ValueRef::Null,
            Some(Value::Integer(number)) => ValueRef::Integer(number),
            Some(Value::Text(text)) => ValueRef::Text(text.as_bytes()),
            Some(Value::Blob(bytes)) => ValueRef::Blob(bytes),
            None => return Err(rusqlite::Error::InvalidQuery),
        }))
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => { $(
        impl Bind for $number {
            fn bind(&self) -> Bound<'_> {
                Bound(i64::try_from(*self).ok().map(Value::Integer))
            }
        }

        impl Stored for $number {
            fn read(value: Value<'_>) -> Option<Self> {
                match value {
                    Value::Integer(number) => number.try_into().ok(),
                    _ => None,
                }
            }
        }
    )* };
}
whole_numbers!(i64, u64, u32, u8);

impl Bind for bool {
    fn bind(&self) -> Bound<'_> {
        Bound(Some(Value::Integer((*self).into())))
    }
}

impl Bind for str {
    fn bind(&self) -> Bound<'_> {
        Bound(Some(Value::Text(self)))
    }
}

impl Bind for String {
    fn bind(&self) -> Bound<'_> {
        self.as_str().bind()
    }
}

impl Bind for [u8] {
    fn bind(&self) -> Bound<'_> {
        Bound(Some(Value::Blob(self)))
    }
}

impl Bind for Vec<u8> {
    fn bind(&self) -> Bound<'_> {
        self.as_slice().bind()
    }
}

impl<const N: usize> Bind for [u8; N] {
    fn bind(&self) -> Bound<'_> {
        self.as_slice().bind()
    }
}

impl<T: Bind> Bind for Option<T> {
    fn bind(&self) -> Bound<'_> {
        self.as_ref().map_or(Bound(Some(Value::Null)), Bind::bind)
    }
}

impl<T: Bind + ?Sized> Bind for &T {
    fn bind(&self) -> Bound<'_> {
        (**self).bind()
    }
}

/// What is read from an answer.
pub(super) trait Stored: Sized {
    fn read(value: Value<'_>) -> Option<Self>;
}

impl Stored for bool {
    fn read(value: Value<'_>) -> Option<Self> {
        i64::read(value).map(|number| number != 0)
    }
}

impl Stored for String {
    fn read(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl Stored for Vec<u8> {
    fn read(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Blob(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

impl<const N: usize> Stored for [u8; N] {
    fn read(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Blob(bytes) => bytes.try_into().ok(),
            _ => None,
        }
    }
}

impl<T: Stored> Stored for Option<T> {
    fn read(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => T::read(other).map(Some),
        }
    }
}

/// One row of an answer.
pub(super) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgresql(&'r postgresql::Row),
}

impl Row<'_> {
    /// The value in a column, counted from 0.
    pub(super) fn get<T: Stored>(&self, column: usize) -> Result<T, IssuerError> {
        let value = match self {
            Self::Sqlite(row) => match row.get_ref(column)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Integer(number),
                ValueRef::Text(text) => {
                    Value::Text(core::str::from_utf8(text).map_err(|_| IssuerError::StorageUnavailable)?)
                }
                ValueRef::Blob(bytes) => Value::Blob(bytes),
                ValueRef::Real(_) => return Err(IssuerError::StorageUnavailable),
            },
            Self::Postgresql(row) => row.get(column)?,
        };
        T::read(value).ok_or(IssuerError::StorageUnavailable)
    }
}
