use std::path::Path;

use sealpost_api::Problem;
use sealpost_printer::{
    Agent, Settings,
    checks::{self, Check},
};
use serde_json::{Value, json};

use super::{failure::sentence, needs_running, pair::print, running};

pub(super) async fn status(settings: &Settings, as_json: bool) -> anyhow::Result<()> {
    let mut status = needs_running(settings).await?.call("status", Value::Null).await?;
    if as_json {
        // Whoever holds the session can ask in the printer's name.
        if let Some(pairing) = status["pairing"].as_object_mut() {
            pairing.remove("session_id");
        }
        return print(&format!("{status:#}\n"));
    }
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut lines = vec![
        format!("store      {}", text(&status["store"])),
        format!(
            "printer    {} {}",
            text(&status["auth"]["printer_id"]),
            text(&status["auth"]["printer_name"])
        ),
        format!("signed in  {}", if status["auth"]["authenticated"] == true { "yes" } else { "no" }),
        format!("moonraker  {}", text(&status["moonraker"])),
        format!("klipper    {}", text(&status["klipper"])),
        format!("last poll  {}", text(&status["jobs"]["last_check"])),
        format!("waiting    {}", status["jobs"]["queue_length"]),
    ];
    let job = &status["jobs"]["current_job"];
    if !job.is_null() {
        let percent =
            job["progress"].as_f64().map_or(String::new(), |progress| format!(" {:.1} %", progress * 100.0));
        lines.push(format!(
            "job        {} {} {}{percent}",
            text(&job["id"]),
            text(&job["title"]),
            text(&job["state"])
        ));
    }
    let last = &status["last_job"];
    if !last.is_null() {
        let because = last["message"].as_str().map_or(String::new(), |message| format!(": {message}"));
        lines.push(format!(
            "last job   {} {} {} at {}{because}",
            text(&last["id"]),
            text(&last["title"]),
            text(&last["state"]),
            text(&last["at"])
        ));
    }
    if status["reduced"] == true {
        lines.push("protection reduced: other programs of Klipper's user can read what prints".to_owned());
    }
    let error = &status["last_error"];
    if !error.is_null() {
        let problem = Problem::new(500, text(&error["code"]), text(&error["title"]))
            .detail(error["detail"].as_str().unwrap_or_default())
            .hint(error["hint"].as_str().unwrap_or_default());
        lines.push(format!("error      {} at {}", sentence(&problem), text(&error["at"])));
        if !problem.hint.is_empty() {
            lines.push(format!("           -> {}", problem.hint));
        }
    }
    print(&format!("{}\n", lines.join("\n")))
}

pub(super) async fn queue(settings: &Settings, as_json: bool) -> anyhow::Result<()> {
    let queue = needs_running(settings).await?.call("queue_list", Value::Null).await?;
    if as_json {
        return print(&format!("{queue:#}\n"));
    }
    let jobs = queue["jobs"].as_array().map(Vec::as_slice).unwrap_or_default();
    if jobs.is_empty() {
        return print("No job waits.\n");
    }
    let mut shown = String::new();
    for job in jobs {
        let text = |field: &str| job[field].as_str().unwrap_or_default();
        shown.push_str(&format!("{:<28} {:<14} {}\n", text("id"), text("state"), text("title")));
    }
    print(&shown)
}

pub(super) async fn remove(settings: &Settings, job: String) -> anyhow::Result<()> {
    needs_running(settings).await?.call("queue_remove", json!({"job": job})).await?;
    print(&format!(
        "{job} is off this printer's queue. The store is told, and its buyer sees it as cancelled.\n"
    ))
}

pub(super) async fn check(settings: Settings, as_json: bool) -> anyhow::Result<()> {
    let checks = match running(&settings).await? {
        Some(mut client) => {
            let answer = client.call("check", Value::Null).await?;
            let mut checks: Vec<Check> = serde_json::from_value(answer["checks"].clone())?;
            checks.insert(0, agent_line("ok", "the agent runs", ""));
            checks
        }
        None => {
            let mut checks = Agent::check_only(settings).await?;
            checks.insert(
                0,
                agent_line(
                    "failed",
                    "the agent does not run",
                    "Start it: `systemctl start sealpost-printer` or `sealpost-printer run`.",
                ),
            );
            checks
        }
    };
    if as_json {
        print(&format!("{:#}\n", json!({"checks": checks})))?;
    } else {
        let mut shown = String::new();
        for check in &checks {
            shown.push_str(&format!("{:<8} {:<10} {}\n", check.state, check.name, check.detail));
            if !check.hint.is_empty() {
                shown.push_str(&format!("{:19} -> {}\n", "", check.hint));
            }
        }
        print(&shown)?;
    }
    if checks.iter().any(|check| check.state == "failed") {
        return Err(Problem::new(500, "check_failed", "Not everything is well")
            .hint("The lines that begin with `failed` say what to do.")
            .into());
    }
    Ok(())
}

pub(super) async fn check_file(settings: &Settings, file: &Path, as_json: bool) -> anyhow::Result<()> {
    let found = checks::check_file(settings, file).await?;
    let refusal = found.report.refusal.as_ref();
    if as_json {
        let refusal = refusal.map(|refusal| {
            json!({
                "code": refusal.code(), "detail": refusal.to_string(), "hint": refusal.hint(), "line": refusal.line(),
            })
        });
        let shown = json!({
            "printable": refusal.is_none(), "refusal": refusal, "lines": found.report.lines,
            "leaves_heat_on": found.report.leaves_heat_on, "to_approve": found.to_approve,
        });
        print(&format!("{shown:#}\n"))?;
    } else {
        let mut shown = String::new();
        if refusal.is_none() {
            shown.push_str(&format!("This printer would print it ({} lines).\n", found.report.lines));
        }
        if found.report.leaves_heat_on {
            shown.push_str("Warning: as far as the file shows, it leaves a heater on at its end.\n");
        }
        let approval = found.approval();
        if !approval.is_empty() {
            shown.push_str("It uses more than the common commands. What you trust goes into printer.toml,\n");
            shown.push_str("with its parameters, such as { BED = [0, 110], MATERIAL = \"word\" }:\n\n");
            shown.push_str(&approval);
        }
        print(&shown)?;
    }
    match refusal {
        None => Ok(()),
        Some(refusal) => Err(Problem::new(422, refusal.code(), "The file cannot be printed on this printer")
            .detail(refusal.to_string())
            .hint(refusal.hint())
            .into()),
    }
}

pub(super) async fn unpair(settings: Settings) -> anyhow::Result<()> {
    match running(&settings).await? {
        Some(mut client) => drop(client.call("unpair", Value::Null).await?),
        None => Agent::unpair_only(settings)?,
    }
    print("This printer belongs to no store now. Its identity key was kept.\n")
}

fn agent_line(state: &str, detail: &str, hint: &str) -> Check {
    Check {
        name: "agent".to_owned(),
        state: state.to_owned(),
        detail: detail.to_owned(),
        hint: hint.to_owned(),
    }
}
