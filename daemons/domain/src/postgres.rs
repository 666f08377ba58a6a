//! What of a PostgreSQL URI may be shown.

/// The parameters that may hold any text, an @ too.
const TEXTS: [&str; 4] = ["application_name", "options", "password", "user"];

/// The parameters that are taken, those of the driver.
const PARAMETERS: [&str; 17] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// Parameters that other programs take. Only these are named where they are refused: any other word
/// may be of the password.
const OF_OTHERS: [&str; 21] = [
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "passfile",
    "pgbouncer",
    "pool_mode",
    "pool_timeout",
    "require_auth",
    "service",
    "ssl",
    "sslcrl",
    "sslpassword",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// Why a text is not the URI of a PostgreSQL database, without a word of it: any may be of the
/// password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPostgresUri {
    /// It has another form.
    #[error("it is not of the form postgres://user:password@host:5432/name")]
    Form,
    /// It would be read in another way than it is meant.
    #[error(
        "an @, a #, or what is no port stands where none can; in user and password write @ as %40, \
         / as %2F, ? as %3F, # as %23 and : as %3A"
    )]
    Unescaped,
    /// It names several hosts.
    #[error(
        "it names several hosts; give one, such as a Service or proxy that leads to the primary"
    )]
    Hosts,
    /// It has a parameter that would be passed over.
    #[error(
        "{} is not taken; behind the ? stand sslmode, sslrootcert, sslcert, sslkey, options and \
         others that docs/database.md names",
        .0.unwrap_or("a parameter behind its ?")
    )]
    Parameter(Option<&'static str>),
}

/// Host, port and database of a PostgreSQL URI: what may be shown of it.
///
/// A password with an unescaped `/`, `?` or `#` ends there, and what follows would pass for host or
/// database. Then its @ stands behind the host, and so the URI is refused.
pub fn postgres_address(uri: &str) -> Result<&str, NoPostgresUri> {
    let address = uri.strip_prefix("postgres://").or_else(|| uri.strip_prefix("postgresql://"));
    let address = address.filter(|address| {
        !address.is_empty() && !address.contains(|c: char| c.is_whitespace() || c.is_control())
    });
    let address = address.ok_or(NoPostgresUri::Form)?;
    let (place, query) = address.split_once('?').unwrap_or((address, ""));
    let (authority, database) = place.split_once('/').unwrap_or((place, ""));
    let host = authority.rsplit('@').next().unwrap_or_default();
    // Of an address of IPv6 the colons stand in brackets.
    let port = host.rsplit(']').next().and_then(|behind| behind.split_once(':'));
    let is_port = port.is_none_or(|(_, port)| port.bytes().all(|octet| octet.is_ascii_digit()));
    let is_meant = query.split('&').all(|parameter| {
        let name = parameter.split('=').next().unwrap_or_default();
        !parameter.contains('@') || TEXTS.contains(&name)
    });
    if address.contains('#') || database.contains('@') || !is_meant {
        return Err(NoPostgresUri::Unescaped);
    }
    if host.contains(',') {
        return Err(NoPostgresUri::Hosts);
    }
    if !is_port {
        return Err(NoPostgresUri::Unescaped);
    }
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if !PARAMETERS.contains(&name) && !name.starts_with("options[") {
            let known = OF_OTHERS.iter().copied().find(|known| *known == name);
            return Err(NoPostgresUri::Parameter(known));
        }
        if matches!(name, "host" | "hostaddr") && value.contains(',') {
            return Err(NoPostgresUri::Hosts);
        }
    }
    Ok(place.get(authority.len() - host.len()..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_port_and_database_may_be_shown() {
        for (uri, address) in [
            ("postgres://seon:s3cret@db:5432/seon", "db:5432/seon"),
            ("postgresql://seon@db.example/seon?sslmode=require", "db.example/seon"),
            ("postgres://seon:p@ss@db:5432/seon?password=p@ss", "db:5432/seon"),
            ("postgres://seon:s3:cret@[::1]:5432/seon", "[::1]:5432/seon"),
            ("postgres://db", "db"),
            ("postgres:///seon?host=/run/postgresql", "/seon"),
        ] {
            assert_eq!(postgres_address(uri), Ok(address), "{uri}");
        }
    }

    #[test]
    fn a_password_that_ends_at_an_unescaped_character_is_told_from_a_host() {
        for password in
            ["s3/cret", "s3?cret", "s3#cret", "s@3/cret", "1/c", "1?c", "1?c=d", "a@1?c", "@/?#"]
        {
            for rest in ["@db:5432/seon", "@db/seon?sslmode=require", "@db"] {
                let uri = format!("postgres://seon:{password}{rest}");
                assert_eq!(postgres_address(&uri), Err(NoPostgresUri::Unescaped), "{uri}");
            }
        }
        let no_host = postgres_address("postgres://seon:s3cret/seon");
        assert_eq!(no_host, Err(NoPostgresUri::Unescaped));
    }

    #[test]
    fn several_hosts_are_named_and_not_taken_for_one() {
        for uri in [
            "postgres://seon:s3cret@db1:5432,db2:5432/seon",
            "postgres://seon:s3cret@db1,db2/seon?sslmode=require",
            "postgres:///seon?host=db1,db2",
        ] {
            assert_eq!(postgres_address(uri), Err(NoPostgresUri::Hosts), "{uri}");
        }
    }

    #[test]
    fn a_parameter_that_would_be_passed_over_is_refused_and_named_only_if_it_is_no_secret() {
        for (query, named) in [
            ("target_session_attrs=read-write", Some("target_session_attrs")),
            ("sslmode=require&connect_timeout=3", Some("connect_timeout")),
            ("s3cret=x", None),
            ("SSLMODE=require", None),
        ] {
            let error = postgres_address(&format!("postgres://db/seon?{query}")).unwrap_err();
            assert_eq!(error, NoPostgresUri::Parameter(named));
            assert!(!error.to_string().contains("s3cret"));
        }
        for query in ["sslmode=verify-full&sslrootcert=/ca.pem", "options[search_path]=seon", ""] {
            assert!(postgres_address(&format!("postgres://db/seon?{query}")).is_ok(), "{query}");
        }
    }

    #[test]
    fn what_is_no_uri_is_none() {
        for text in ["", "s3cret", "mysql://db/seon", "postgres://", "postgres://d b/seon"] {
            assert_eq!(postgres_address(text), Err(NoPostgresUri::Form), "{text}");
        }
    }
}
