//! A PostgreSQL of its own for a test: made in a folder of its own, killed at will, thrown away at the end.
//!
//! ```no_run
//! let cluster = test_database::Cluster::start();
//! let url = cluster.database("issuer");
//! assert_eq!(cluster.sql(&url, "SELECT 1"), [["1"]]);
//! ```
//!
//! The servers are those of the Debian package `postgresql`, installed where they are missing. They do not run as root, so
//! they run as the user `postgres` there. Nothing is tuned: what is committed is on disk (`fsync` is on). A server ends with
//! the process that started it, also when that is killed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the whole crate is test code: a surprise should stop the test at once"
)]

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Who owns every database.
const OWNER: &str = "mid";
/// The owner's password. Who comes over TCP has to know it.
const PASSWORD: &str = "only-for-tests";
/// Longest time until a server answers, also on a machine that is busy.
const START: Duration = Duration::from_secs(60);
/// Ends the server as soon as nobody holds the other end of its input. The server writes to the same log as the shell.
const SERVE: &str = r#"
"$1/postgres" -D "$2/data" -k "$2" -c listen_addresses=127.0.0.1 -p "$3" >>"$2/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT "$server" 2>/dev/null
wait "$server"
"#;

/// A server with its databases. Dropping it stops it and removes everything.
pub struct Cluster {
    folder: PathBuf,
    port: u16,
    /// A shell that waits beside the server.
    keeper: Mutex<Option<Child>>,
    databases: AtomicU32,
}

/// A port of this machine for a server that is about to start, and the one above it, which a second service of the same program
/// may take. It is below those that the system gives to outgoing connections (32768 and up, also for whoever listens at port 0):
/// one of those could be taken again before the server comes to listen.
///
/// # Panics
/// When all are in use.
#[must_use]
pub fn free_port() -> u16 {
    const FIRST: u16 = 16_384;
    const PAIRS: u32 = 8_192;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Programs that run beside this one begin elsewhere.
    let begin = std::process::id().wrapping_mul(251);
    let pairs = (0..PAIRS).map(|_| begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % PAIRS);
    let mut ports = pairs.map(|pair| FIRST + 2 * u16::try_from(pair).expect("below 8192"));
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    ports.find(|port| is_free(*port) && is_free(port + 1)).expect("a free port")
}

impl Cluster {
    /// Makes a cluster and starts it.
    ///
    /// # Panics
    /// When PostgreSQL cannot be installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        let folder = PathBuf::from(text(as_server(Command::new("mktemp")).args(["-d", "/tmp/mid-database-XXXXXX"])));
        let password = folder.join("password");
        let write = format!("umask 077; printf %s {PASSWORD} > {}", password.display());
        text(as_server(Command::new("sh")).args(["-c", &write]));
        let mut init = as_server(Command::new(programs().join("initdb")));
        init.args(["--username", OWNER, "--encoding", "UTF8", "--locale", "C", "--no-instructions"]);
        init.args(["--auth-local", "trust", "--auth-host", "scram-sha-256"]);
        text(init.arg("--pwfile").arg(&password).arg("--pgdata").arg(folder.join("data")));
        let port = free_port();
        let cluster = Self { folder, port, keeper: Mutex::new(None), databases: AtomicU32::new(0) };
        cluster.resume();
        cluster
    }

    /// The cluster that all tests of one program share.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Makes an empty database with a name that begins with `name`, and says where it is: with the owner's password, over TCP.
    #[must_use]
    pub fn database(&self, name: &str) -> String {
        let name = format!("{name}_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql(&self.url("postgres"), &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// Makes a further database with all that is in the one at `url`, to which nobody may be connected meanwhile.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn copy(&self, url: &str) -> String {
        let template = url.rsplit('/').next().expect("a name");
        let name = format!("copy_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql(&self.url("postgres"), &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        self.url(&name)
    }

    /// Where the database of this name is.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        self.url_through(self.port, name)
    }

    /// The same where something stands before the server, at another port of this machine.
    #[must_use]
    pub fn url_through(&self, port: u16, name: &str) -> String {
        format!("postgres://{OWNER}:{PASSWORD}@127.0.0.1:{port}/{name}")
    }

    /// Where the database of this name is, by the socket in the file system.
    #[must_use]
    pub fn socket_url(&self, name: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://{OWNER}@{folder}:{}/{name}", self.port)
    }

    /// The port at which the server listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the server, with its files in `data`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Rows and columns of the answer to a query, past the program that is tested.
    ///
    /// # Panics
    /// When it is refused; [`try_sql`](Self::try_sql) says why.
    #[allow(clippy::must_use_candidate, reason = "many statements have no answer")]
    pub fn sql(&self, url: &str, query: &str) -> Vec<Vec<String>> {
        self.try_sql(url, query).unwrap_or_else(|refusal| panic!("{query}: {refusal}"))
    }

    /// As [`Cluster::sql`], or what the server complains about.
    ///
    /// # Errors
    /// The server's words.
    ///
    /// # Panics
    /// When `psql` cannot be started.
    pub fn try_sql(&self, url: &str, query: &str) -> Result<Vec<Vec<String>>, String> {
        let mut psql = Command::new(programs().join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator", "\t"]);
        let output = psql.args(["--set", "ON_ERROR_STOP=1", "--command", query, url]).output().expect("psql");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let lines = String::from_utf8(output.stdout).expect("text");
        Ok(lines.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }

    /// One number that a query asks for.
    ///
    /// # Panics
    /// When the answer is another one.
    #[must_use]
    pub fn number(&self, url: &str, query: &str) -> u64 {
        let rows = self.sql(url, query);
        rows.first().and_then(|row| row.first()?.parse().ok()).unwrap_or_else(|| panic!("{query}: {rows:?}"))
    }

    /// From now on the server takes connections over TCP with this certificate and its key, both in PEM, too.
    ///
    /// # Panics
    /// When it does not start with them.
    pub fn serve_tls(&self, certificate: &str, key: &str) {
        for (name, pem) in [("server.crt", certificate), ("server.key", key)] {
            let write = format!("umask 077; printf '%s' '{pem}' > {}", self.folder.join("data").join(name).display());
            text(as_server(Command::new("sh")).args(["-c", &write]));
        }
        self.sql(&self.url("postgres"), "ALTER SYSTEM SET ssl = on");
        self.kill();
        self.resume();
    }

    /// Stops the server at once, as a power cut would: without finishing anything.
    pub fn kill(&self) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut keeper) = keeper.take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }

    /// Starts the server again where it was.
    ///
    /// # Panics
    /// When it does not start.
    pub fn resume(&self) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(keeper.is_none(), "it runs already");
        let mut command = as_server(Command::new("sh"));
        command.args(["-c", SERVE, "sh"]).arg(programs()).arg(&self.folder).arg(self.port.to_string());
        command.current_dir(&self.folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own: Ctrl-C at the terminal reaches the test first, and the server by it.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        *keeper = Some(command.spawn().expect("a shell"));
        drop(keeper);
        let began = Instant::now();
        while self.try_sql(&self.url("postgres"), "SELECT 1").is_err() {
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(began.elapsed() < START, "PostgreSQL does not start: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
        let _ = as_server(Command::new("rm")).arg("-rf").arg(&self.folder).status();
    }
}

/// The folder with the programs of the newest PostgreSQL of this machine. Whoever asks first installs it.
///
/// # Panics
/// When it cannot be had.
#[must_use]
pub fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        // Two test programs may want it at once.
        let lock = fs::File::create(std::env::temp_dir().join("mid-database.lock")).expect("a lock file");
        lock.lock().expect("a lock");
        installed().unwrap_or_else(|| {
            text(Command::new("apt-get").args(["update", "-q"]));
            text(Command::new("apt-get").args(["install", "-y", "-q", "--no-install-recommends", "postgresql"]));
            installed().expect("PostgreSQL below /usr/lib/postgresql; install the package `postgresql`")
        })
    })
}

fn installed() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let number = |path: &Path| path.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    let programs = versions.map(|version| version.path().join("bin")).filter(|it| it.join("postgres").exists());
    programs.max_by_key(|path| number(path))
}

/// The command as the user who runs servers: PostgreSQL refuses to run as root.
fn as_server(command: Command) -> Command {
    let _ = programs();
    let is_root = text(Command::new("id").arg("-u")) == "0";
    if !is_root {
        return command;
    }
    let mut wrapped = Command::new("setpriv");
    wrapped.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"]).arg(command.get_program());
    // Who may not see the test's folder cannot stand in it either.
    wrapped.current_dir("/");
    wrapped
}

/// What a command prints, without the line's end.
fn text(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}
