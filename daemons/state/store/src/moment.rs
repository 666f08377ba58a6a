//! Points in time as both databases store them.

use jiff::Timestamp;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueFormat, PgValueRef, Postgres};
use sqlx::sqlite::{Sqlite, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Type};

/// `timestamptz` on PostgreSQL, an integer of microseconds since the Unix epoch on SQLite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    microseconds: i64,
}

impl Moment {
    /// Microseconds since the Unix epoch; 0 for PostgreSQL's `-infinity`.
    pub(crate) fn microseconds(self) -> i64 {
        self.microseconds
    }

    pub(crate) fn timestamp(self) -> Result<Timestamp, jiff::Error> {
        Timestamp::from_microsecond(self.microseconds)
    }
}

impl From<Timestamp> for Moment {
    fn from(timestamp: Timestamp) -> Self {
        Self { microseconds: timestamp.as_microsecond() }
    }
}

/// 2000-01-01 00:00:00 UTC, from which PostgreSQL counts.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("timestamptz")
    }
}

impl Encode<'_, Postgres> for Moment {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let microseconds = self.microseconds.saturating_sub(POSTGRES_EPOCH);
        <i64 as Encode<Postgres>>::encode(microseconds, buffer)
    }
}

impl Decode<'_, Postgres> for Moment {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        if value.format() == PgValueFormat::Text {
            return Err("a timestamp came as text: it was asked for without parameters".into());
        }
        match <i64 as Decode<Postgres>>::decode(value)? {
            i64::MIN => Ok(Self { microseconds: 0 }),
            since_2000 => Ok(Self { microseconds: since_2000.saturating_add(POSTGRES_EPOCH) }),
        }
    }
}

impl Type<Sqlite> for Moment {
    fn type_info() -> SqliteTypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }

    fn compatible(info: &SqliteTypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(info)
    }
}

impl<'q> Encode<'q, Sqlite> for Moment {
    fn encode_by_ref(
        &self,
        buffer: &mut <Sqlite as sqlx::Database>::ArgumentBuffer,
    ) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<'q, Sqlite>>::encode_by_ref(&self.microseconds, buffer)
    }
}

impl Decode<'_, Sqlite> for Moment {
    fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(Self { microseconds: <i64 as Decode<Sqlite>>::decode(value)? })
    }
}
