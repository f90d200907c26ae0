use sealpost_envelope::ErrorCode;

/// Longest account of what is wrong with a module: it may quote what it found.
const REASON: usize = 200;

/// Why a plugin was not loaded, or a call gave nothing. Codes are those of the JavaScript loader where it has the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// Another version of the plugin interface.
    #[error("the plugin speaks interface {found}, this host speaks {expected}", expected = crate::ABI)]
    Abi {
        /// As the manifest has it.
        found: String,
    },
    /// What was passed does not fit the function.
    #[error("{what} is not {expected}")]
    Argument {
        /// Such as "argument 1 of `stats`".
        what: String,
        /// Such as "bytes".
        expected: String,
    },
    /// The function said that it failed.
    #[error("`{name}`: {}", .text.as_deref().unwrap_or("it failed and did not say why"))]
    Failed {
        /// The function.
        name: String,
        /// What the plugin says; nobody's word but its own.
        text: Option<String>,
    },
    /// An import that is not part of the interface.
    #[error("the plugin imports `{name}`, which is not allowed here")]
    Import {
        /// Module and name.
        name: String,
    },
    /// No WebAssembly that can run here.
    #[error("the plugin is no WebAssembly module that can run here: {reason}")]
    Invalid {
        /// From the WebAssembly library.
        reason: String,
    },
    /// An import of the interface, as something else than it is.
    #[error("the plugin imports `{name}` with other types than the interface gives it")]
    Link {
        /// Module and name.
        name: String,
    },
    /// The manifest cannot be used.
    #[error("the plugin's manifest cannot be used: {reason}")]
    Manifest {
        /// What is wrong.
        reason: String,
    },
    /// More memory or larger tables than allowed, from the start.
    #[error("the plugin wants more memory or tables than it may have")]
    MemoryLimit,
    /// The manifest declares what the module does not export.
    #[error("the plugin does not export {what}")]
    MissingExport {
        /// Such as "`memory`".
        what: String,
    },
    /// There is no such function.
    #[error("the plugin has no function `{name}`")]
    NoFunction {
        /// As it was called.
        name: String,
    },
    /// The work that was allowed is done.
    #[error("the plugin used up the {fuel} units of work it was allowed")]
    OutOfFuel {
        /// As the limits have it.
        fuel: u64,
    },
    /// No room for what is passed.
    #[error("the plugin has no room for {bytes} bytes")]
    OutOfMemory {
        /// Of one argument.
        bytes: usize,
    },
    /// The manifest asks for it, the caller does not allow it.
    #[error("the plugin asks for `{permission}`, which is not allowed here")]
    Permission {
        /// Which.
        permission: &'static str,
    },
    /// It is used, but the manifest does not ask for it.
    #[error("the plugin uses `{permission}`, which its manifest does not ask for")]
    PermissionNotAsked {
        /// Which.
        permission: &'static str,
    },
    /// What a function gave back is no value of its type.
    #[error("what `{name}` gave back cannot be used: {reason}")]
    Result {
        /// The function.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The module has it with other types than the manifest.
    #[error("`{name}` is {found} in the plugin, its manifest makes it {declared}")]
    Signature {
        /// The function.
        name: String,
        /// Such as `(i32, i32) -> i64`.
        found: String,
        /// The same of the manifest.
        declared: String,
    },
    /// The time that was allowed is over.
    #[error("the plugin took longer than {seconds} seconds")]
    Timeout {
        /// As the limits have it.
        seconds: u64,
    },
    /// A module of so many bytes is not looked at.
    #[error("the plugin has {bytes} bytes, more than {limit}")]
    TooLarge {
        /// Of the module.
        bytes: usize,
        /// As the limits have it.
        limit: usize,
    },
    /// A module that declares so much is not translated.
    #[error("the plugin has more than {limit} {what}")]
    TooMany {
        /// Such as "functions".
        what: &'static str,
        /// One of the constants of [`Limits`](crate::Limits).
        limit: u32,
    },
    /// It broke a rule of WebAssembly, or its host could not serve it.
    #[error("the plugin failed in `{name}`: {reason}")]
    Trap {
        /// The function, or `start`.
        name: String,
        /// What happened.
        reason: String,
    },
    /// Its memory may be in any state since an earlier call.
    #[error("the plugin failed in an earlier call")]
    Trapped,
}

impl HostError {
    /// With what a library says of the module.
    pub(crate) fn invalid(reason: &str) -> Self {
        Self::Invalid { reason: reason.chars().filter(|c| !c.is_control()).take(REASON).collect() }
    }
}

impl ErrorCode for HostError {
    fn code(&self) -> &'static str {
        match self {
            Self::Abi { .. } => "plugin_abi",
            Self::Argument { .. } => "plugin_argument",
            Self::Failed { .. } => "plugin_failed",
            Self::Import { .. } => "plugin_import",
            Self::Invalid { .. } => "plugin_invalid",
            Self::Link { .. } => "plugin_link",
            Self::Manifest { .. } => "plugin_manifest",
            Self::MemoryLimit => "plugin_memory_limit",
            Self::MissingExport { .. } => "plugin_export_missing",
            Self::NoFunction { .. } => "plugin_no_function",
            Self::OutOfFuel { .. } => "plugin_out_of_fuel",
            Self::OutOfMemory { .. } => "plugin_out_of_memory",
            Self::Permission { .. } => "plugin_permission",
            Self::PermissionNotAsked { .. } => "plugin_permission_not_asked",
            Self::Result { .. } => "plugin_result",
            Self::Signature { .. } => "plugin_signature",
            Self::Timeout { .. } => "plugin_timeout",
            Self::TooLarge { .. } | Self::TooMany { .. } => "plugin_too_large",
            Self::Trap { .. } => "plugin_trap",
            Self::Trapped => "plugin_trapped",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Abi { .. } => "Update Sealpost, or ask the publisher for a version for this interface.",
            Self::Argument { .. } => "Compare the call with the plugin's manifest.",
            Self::Failed { .. } => "Check what it was given against what the plugin takes.",
            Self::Import { .. } => {
                "Nothing but the plugin interface is linked; ask the publisher for a version that needs no more."
            }
            Self::MemoryLimit | Self::OutOfMemory { .. } => "Pass less at a time, or allow more memory.",
            Self::NoFunction { .. } => "List its functions first.",
            Self::OutOfFuel { .. } => "Pass less at a time, or allow more work.",
            Self::Permission { .. } => "Allow it if you trust the plugin with it.",
            Self::PermissionNotAsked { .. } => "Do not use it, and report it to the publisher.",
            Self::Timeout { .. } => "Pass less at a time, or allow more time.",
            Self::TooLarge { .. } | Self::TooMany { .. } => {
                "Check that this is the plugin; ask the publisher for a smaller one."
            }
            Self::Trap { .. } | Self::Trapped => "Load it anew; report it to the publisher if it stays.",
            Self::Invalid { .. }
            | Self::Link { .. }
            | Self::Manifest { .. }
            | Self::MissingExport { .. }
            | Self::Result { .. }
            | Self::Signature { .. } => "Report it to the publisher.",
        }
    }
}
