//! Opening a store by its URL. A program fills a [`Registry`] with the schemes it wants; there is no
//! global state and nothing runs before `main`.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::str::FromStr;

use futures::future::{BoxFuture, FutureExt};
use percent_encoding::percent_decode_str;

use crate::error::{Error, ErrorKind, Result};
use crate::larder::Larder;

/// The URL schemes that a program can open.
///
/// ```
/// use larder::{Larder, Registry, Scheme};
/// let mut registry = Registry::new();
/// registry.register(Scheme::new("memory", "gone with the process", |_| async {
///     Ok(Larder::new(larder_memory::Memory::new()))
/// }));
/// let larder = pollster::block_on(registry.open("memory:"))?;
/// let error = pollster::block_on(registry.open("mysql:shop")).unwrap_err();
/// assert!(error.to_string().contains("memory:"));
/// # Ok::<(), larder::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Registry {
    schemes: BTreeMap<&'static str, Scheme>,
}

impl Registry {
    /// No schemes yet.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Adds a scheme, or replaces the one of the same name.
    pub fn register(&mut self, scheme: Scheme) -> &mut Registry {
        self.schemes.insert(scheme.name, scheme);
        self
    }

    /// All schemes, by name.
    pub fn schemes(&self) -> impl Iterator<Item = &Scheme> {
        self.schemes.values()
    }

    /// Opens a store, such as `file:./data?durability=flushed`.
    ///
    /// # Errors
    /// `Invalid` for an unknown scheme or option, listing what there is; and whatever opening says.
    pub async fn open(&self, url: &str) -> Result<Larder> {
        let address = Address::parse(url)?;
        let Some(scheme) = self.schemes.get(address.scheme()) else {
            let known: Vec<String> = self.schemes.keys().map(|name| format!("{name}:")).collect();
            // Not the URL, which may hold a password.
            let message = format!("unknown scheme {}:; there are {}", address.scheme(), listed(&known));
            return Err(Error::new(ErrorKind::Invalid, message));
        };
        for name in address.options.keys() {
            if !scheme.options.iter().any(|option| option.name == name) {
                let known: Vec<&str> = scheme.options.iter().map(|option| option.name).collect();
                let message = format!("{}: has no option {name:?}; it has {}", scheme.name, listed(&known));
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        }
        (scheme.open)(address).await
    }
}

fn listed(names: &[impl AsRef<str>]) -> String {
    if names.is_empty() {
        return "none".into();
    }
    names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

/// A kind of store that can be opened by URL.
pub struct Scheme {
    name: &'static str,
    summary: &'static str,
    options: Vec<SchemeOption>,
    open: Box<dyn Fn(Address) -> BoxFuture<'static, Result<Larder>> + Send + Sync>,
}

impl Scheme {
    /// A scheme: its name (what stands before the colon), what it is in a few words, and how to open
    /// one.
    pub fn new<F>(
        name: &'static str,
        summary: &'static str,
        open: impl Fn(Address) -> F + Send + Sync + 'static,
    ) -> Scheme
    where
        F: Future<Output = Result<Larder>> + Send + 'static,
    {
        Scheme { name, summary, options: Vec::new(), open: Box::new(move |address| open(address).boxed()) }
    }

    /// Adds an option that the scheme understands. Others are refused.
    #[must_use]
    pub fn option(mut self, name: &'static str, values: &'static str, help: &'static str) -> Scheme {
        self.options.push(SchemeOption { name, values, help });
        self
    }

    /// What stands before the colon.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it is, in a few words.
    pub fn summary(&self) -> &'static str {
        self.summary
    }

    /// The options it understands.
    pub fn options(&self) -> &[SchemeOption] {
        &self.options
    }
}

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheme")
            .field("name", &self.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// An option of a scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemeOption {
    /// Its name.
    pub name: &'static str,
    /// What may be given, such as `synced|flushed`; the first is the default.
    pub values: &'static str,
    /// What it does, in a few words.
    pub help: &'static str,
}

/// A store's URL, taken apart: `scheme:body?option=value&option=value`.
///
/// Its `Debug` and errors show the scheme and the names of the options only: the rest may hold a
/// password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    scheme: String,
    body: String,
    options: BTreeMap<String, String>,
}

impl Address {
    /// Takes a URL apart. Percent escapes in the options are decoded, those in the body are not yet.
    ///
    /// # Errors
    /// `Invalid` without a scheme, or if an option stands twice or has no value.
    pub fn parse(url: &str) -> Result<Address> {
        let invalid = |what: String| Error::new(ErrorKind::Invalid, what);
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(invalid(format!(
                "{url:?} is no URL of a store: it has no scheme, as in file:./data"
            )));
        };
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
        if scheme.is_empty() || !scheme.chars().all(is_name) {
            return Err(invalid(format!("{scheme:?} is no scheme: they look like file: or memory:")));
        }
        let (body, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut options = BTreeMap::new();
        for option in query.split('&').filter(|option| !option.is_empty()) {
            let Some((name, value)) = option.split_once('=') else {
                return Err(invalid(format!(
                    "the option {option:?} of {scheme}: has no value, as in {option}=.."
                )));
            };
            let value = decoded(value)?;
            if options.insert(name.to_owned(), value).is_some() {
                return Err(invalid(format!("the option {name:?} of {scheme}: stands twice")));
            }
        }
        Ok(Address { scheme: scheme.to_owned(), body: body.to_owned(), options })
    }

    /// What stands before the colon.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// What stands between the colon and the question mark, as it was written.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The body as a path: `file:data`, `file:./data`, `file:/data` and `file:///data` all work.
    ///
    /// # Errors
    /// `Invalid` if it is empty, names a host, or has escapes that are no UTF-8.
    pub fn path(&self) -> Result<PathBuf> {
        let path = match self.body.strip_prefix("//") {
            Some(path) if path.starts_with('/') => path,
            Some(_) => {
                let message = format!(
                    "{}:// names a host; write {}:./relative or {}:/absolute",
                    self.scheme, self.scheme, self.scheme
                );
                return Err(Error::new(ErrorKind::Invalid, message));
            }
            None => &self.body,
        };
        if path.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("{}: needs a path, as in {}:./data", self.scheme, self.scheme),
            ));
        }
        Ok(decoded(path)?.into())
    }

    /// An option, if it is there.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// An option as a value of this type, or the default if it is not there.
    ///
    /// # Errors
    /// `Invalid` if it is no such value.
    pub fn parsed<T: FromStr>(&self, name: &str, default: T) -> Result<T> {
        match self.option(name) {
            None => Ok(default),
            Some(value) => value.parse().map_err(|_| self.bad_value(name, "cannot be understood")),
        }
    }

    /// One of these values, or the first if the option is not there.
    ///
    /// # Errors
    /// `Invalid` if it is another.
    pub fn one_of<T: Copy>(&self, name: &str, values: &[(&str, T)]) -> Result<T> {
        let found = match self.option(name) {
            None => values.first(),
            Some(value) => values.iter().find(|(known, _)| *known == value),
        };
        let known: Vec<&str> = values.iter().map(|(known, _)| *known).collect();
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| self.bad_value(name, &format!("is none of {}", listed(&known))))
    }

    fn bad_value(&self, name: &str, why: &str) -> Error {
        let value = self.option(name).unwrap_or_default();
        Error::new(ErrorKind::Invalid, format!("{name}={value} of {}: {why}", self.scheme))
    }
}

fn decoded(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(Into::into)
        .map_err(|_| Error::new(ErrorKind::Invalid, format!("the escapes in {text:?} are no UTF-8")))
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}:.., options {:?})", self.scheme, self.options.keys())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let address = Address::parse("file:./my%20data?durability=flushed&name=a%26b").unwrap();
        assert_eq!((address.scheme(), address.body()), ("file", "./my%20data"));
        assert_eq!(address.path().unwrap(), PathBuf::from("./my data"));
        assert_eq!(address.option("name"), Some("a&b"));
        assert_eq!(address.one_of("durability", &[("synced", 1), ("flushed", 2)]).unwrap(), 2);
        assert_eq!(address.one_of("other", &[("a", 1), ("b", 2)]).unwrap(), 1);
        assert!(
            address
                .one_of("durability", &[("synced", 1)])
                .unwrap_err()
                .to_string()
                .contains("none of synced")
        );
        assert_eq!(Address::parse("file:///data").unwrap().path().unwrap(), PathBuf::from("/data"));
    }

    #[test]
    fn what_is_no_url_is_refused_with_a_hint() {
        for (url, hint) in [
            ("data", "no scheme"),
            (":data", "no scheme"),
            ("File:data", "no scheme"),
            ("file:data?durability", "no value"),
            ("file:data?a=1&a=2", "stands twice"),
            ("file:data?a=%ff", "no UTF-8"),
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(hint), "{url}: {error}");
        }
        assert!(Address::parse("file:").unwrap().path().unwrap_err().to_string().contains("needs a path"));
        assert!(
            Address::parse("file://host/data")
                .unwrap()
                .path()
                .unwrap_err()
                .to_string()
                .contains("names a host")
        );
    }

    #[test]
    fn unknown_schemes_and_options_list_what_there_is() {
        let mut registry = Registry::new();
        registry.register(
            Scheme::new("void", "nothing", |_| async { Err(Error::closed()) })
                .option("size", "1", "how much"),
        );
        let open = |url: &'static str| pollster::block_on(registry.open(url)).unwrap_err();
        assert!(open("voit:").to_string().contains("there are void:"));
        assert!(open("void:?sice=2").to_string().contains("it has size"));
        assert_eq!(open("void:?size=2").kind(), ErrorKind::Closed);
    }
}
