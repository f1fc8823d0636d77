//! `shadow` as clap sees it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::verb::{PayloadSource, ShadowDeed, ShadowVerb};

#[derive(Debug, Args)]
#[command(subcommand_help_heading = "What to do")]
pub struct ShadowArgs {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Print the document: state, metadata, version, timestamp
    Get(Which),
    /// Change desired or reported, and print what was accepted
    ///
    /// JSON is the request as AWS documents it, `{"state":{"desired":{"t":24}}}`, or what belongs into its `state`. Only the
    /// fields given change; null takes one away.
    Update {
        #[command(flatten)]
        which: Which,
        /// The change; `-` reads it from stdin
        #[arg(value_name = "JSON", required_unless_present = "file")]
        json: Option<String>,
        /// Read the change from a file
        #[arg(long, value_name = "F", conflicts_with = "json")]
        file: Option<PathBuf>,
        /// Only where the document has this version; else it is a conflict, and nothing changes
        #[arg(long, value_name = "N")]
        version: Option<u64>,
    },
    /// Delete the document
    Delete(Which),
    /// Print the names of the thing's named shadows; needs credentials
    List {
        /// Name of the thing
        #[arg(value_name = "THING")]
        thing: String,
    },
}

#[derive(Debug, Args)]
struct Which {
    /// Name of the thing
    #[arg(value_name = "THING")]
    thing: String,
    /// A named shadow instead of the classic one
    #[arg(long, value_name = "N")]
    name: Option<String>,
}

impl ShadowArgs {
    pub fn verb(self) -> ShadowVerb {
        match self.deed {
            Deed::Get(which) => which.verb(ShadowDeed::Get),
            Deed::Delete(which) => which.verb(ShadowDeed::Delete),
            Deed::Update {
                which,
                json,
                file,
                version,
            } => {
                let change = match (json.as_deref(), file) {
                    (_, Some(path)) => PayloadSource::File(path),
                    (None | Some("-"), None) => PayloadSource::Stdin,
                    (Some(text), None) => PayloadSource::Text(text.to_owned()),
                };
                which.verb(ShadowDeed::Update { change, version })
            }
            Deed::List { thing } => ShadowVerb {
                thing,
                name: None,
                deed: ShadowDeed::List,
            },
        }
    }
}

impl Which {
    fn verb(self, deed: ShadowDeed) -> ShadowVerb {
        ShadowVerb {
            thing: self.thing,
            name: self.name,
            deed,
        }
    }
}
