//! `provision`.

use clap::Args as ClapArgs;

use super::verb::ProvisionVerb;
use crate::domain::profile::is_profile_name;
use crate::domain::provision::{check_template, read_parameter};

#[derive(Debug, ClapArgs)]
pub struct ProvisionArgs {
    /// The provisioning template
    #[arg(long, value_name = "NAME", value_parser = template)]
    template: String,
    /// A parameter of the template; give it again for more
    #[arg(long = "param", value_name = "K=V", value_parser = read_parameter)]
    parameters: Vec<(String, String)>,
    /// Make the key here and send a certificate signing request: the key never leaves
    #[arg(long)]
    csr: bool,
    /// Name of the new profile [default: the thing's name]
    #[arg(long, value_name = "PROFILE", value_parser = profile)]
    save_as: Option<String>,
    /// A profile of that name may be replaced
    #[arg(long)]
    replace: bool,
    /// Do not connect as the new thing
    #[arg(long)]
    no_check: bool,
}

impl ProvisionArgs {
    pub(super) fn verb(self) -> ProvisionVerb {
        ProvisionVerb {
            template: self.template,
            parameters: self.parameters,
            csr: self.csr,
            save_as: self.save_as,
            replace: self.replace,
            no_check: self.no_check,
        }
    }
}

fn template(text: &str) -> Result<String, String> {
    check_template(text).map(|()| text.to_owned())
}

fn profile(text: &str) -> Result<String, String> {
    if is_profile_name(text) {
        Ok(text.to_owned())
    } else {
        Err("a profile's name is 1 to 64 letters, digits, - and _".to_owned())
    }
}
