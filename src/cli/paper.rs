//! Completions and the manual page, made from the command definitions.

use std::io;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::args::Args;

/// The completion script of a shell.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "thingdeck", &mut script);
    script
}

/// One page with every command, in roff: `thingdeck man | man -l -`.
pub fn man() -> io::Result<Vec<u8>> {
    let mut root = Args::command();
    root.build();
    let mut page = Vec::new();
    let man = Man::new(root.clone()).manual("thingdeck manual");
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend_from_slice(b".SH COMMANDS\n");
    for command in shown(&root) {
        page.extend(command_section(command.get_name(), command)?);
        for part in shown(command) {
            let name = format!("{} {}", command.get_name(), part.get_name());
            page.extend(command_section(&name, part)?);
        }
    }
    let closing = root.get_after_long_help().map(ToString::to_string);
    page.extend(as_it_stands("NOTES", &closing.unwrap_or_default()).into_bytes());
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// Its commands, without the `help` that clap adds.
fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    let is_shown = |c: &&Command| !c.is_hide_set() && c.get_name() != "help";
    command.get_subcommands().filter(is_shown)
}

/// A command as a part of the page: its synopsis, description and own options under one heading.
fn command_section(name: &str, command: &Command) -> io::Result<Vec<u8>> {
    let own = command.clone().mut_args(|arg| {
        let is_everywhere = arg.is_global_set() || arg.get_id() == "help";
        arg.hide(is_everywhere)
    });
    let man = Man::new(own);
    let mut text = Vec::new();
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let mut out = format!(".SS \"{}\"\n", name.replace('-', "\\-"));
    for line in text.lines() {
        match line {
            ".SH DESCRIPTION" | ".SH OPTIONS" => out.push_str(".PP\n"),
            ".SH SYNOPSIS" | ".ie \\n(.g .ds Aq \\(aq" | ".el .ds Aq '" => {}
            other => {
                out.push_str(other);
                out.push('\n');
            }
        }
    }
    Ok(out.into_bytes())
}

/// Lines that must not be filled into paragraphs, as a section.
fn as_it_stands(heading: &str, text: &str) -> String {
    let mut out = format!(".SH \"{heading}\"\n.nf\n");
    for line in text.lines() {
        // A dot or a quote at the start would be a request.
        if line.starts_with(['.', '\'']) {
            out.push_str("\\&");
        }
        out.push_str(&line.replace('\\', "\\e").replace('-', "\\-"));
        out.push('\n');
    }
    out.push_str(".fi\n");
    out
}
