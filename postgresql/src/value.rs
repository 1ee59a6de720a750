//! Values as they are stored.

use std::error::Error;

use bytes::{BufMut as _, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};

use crate::DatabaseError;

/// A value as SQLite would store it, too. A truth value is 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'v> {
    /// None.
    Null,
    /// `BIGINT`, or any other column of whole numbers or truth values.
    Integer(i64),
    /// `TEXT`, which has no character U+0000.
    Text(&'v str),
    /// `BYTEA`.
    Blob(&'v [u8]),
}

impl ToSql for Value<'_> {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (self, column) {
            (Self::Null, _) => return Ok(IsNull::Yes),
            (Self::Integer(number), &Type::INT8) => out.put_i64(*number),
            (Self::Integer(number), &Type::INT4) => out.put_i32((*number).try_into()?),
            (Self::Integer(number @ (0 | 1)), &Type::BOOL) => out.put_i8(*number as i8),
            (Self::Text(text), &Type::TEXT) => out.put_slice(text.as_bytes()),
            (Self::Blob(bytes), &Type::BYTEA) => out.put_slice(bytes),
            _ => return Err(Box::new(DatabaseError::ValueMismatch)),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

impl<'v> FromSql<'v> for Value<'v> {
    fn from_sql(column: &Type, raw: &'v [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *column {
            Type::INT8 => Self::Integer(i64::from_sql(column, raw)?),
            Type::INT4 => Self::Integer(i32::from_sql(column, raw)?.into()),
            Type::BOOL => Self::Integer(bool::from_sql(column, raw)?.into()),
            Type::TEXT => Self::Text(<&str>::from_sql(column, raw)?),
            Type::BYTEA => Self::Blob(raw),
            _ => return Err(Box::new(DatabaseError::ValueMismatch)),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// One row of an answer.
pub struct Row(pub(crate) tokio_postgres::Row);

impl Row {
    /// The value in a column, counted from 0.
    ///
    /// # Errors
    /// [`DatabaseError::ValueMismatch`] when there is no such column, or it is of another type.
    pub fn get(&self, column: usize) -> Result<Value<'_>, DatabaseError> {
        self.0.try_get(column).map_err(|_| DatabaseError::ValueMismatch)
    }
}
