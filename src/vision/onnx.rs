//! The only user of ONNX Runtime.
//!
//! The library is loaded once per process from a verified path; sessions are made of verified bytes; what a
//! graph declares is held against its recipe when it is loaded; an output that is not a number is an error
//! and never a score.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{Outlet, TensorElementType, TensorRef};

/// ONNX Runtime or a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The shared library does not load.
    #[error("ONNX Runtime cannot be loaded from {path}: {cause}; run: locker-agent models fetch")]
    Library {
        /// Which library.
        path: PathBuf,
        /// What the loader says.
        cause: String,
    },
    /// One process can hold one library.
    #[error("ONNX Runtime is already loaded from {loaded}; {asked} cannot be loaded as well")]
    SecondLibrary {
        /// The one in use.
        loaded: PathBuf,
        /// The other one.
        asked: PathBuf,
    },
    /// The bytes are no model this runtime can run.
    #[error("model {model} cannot be loaded: {cause}")]
    Model {
        /// Which model.
        model: String,
        /// What the runtime says.
        cause: String,
    },
    /// The graph is not what the manifest says.
    #[error("model {model} does not fit its manifest entry: {problem}; correct the recipe")]
    Recipe {
        /// Which model.
        model: String,
        /// What differs.
        problem: String,
    },
    /// It broke while running.
    #[error("model {model} failed while running: {cause}")]
    Run {
        /// Which model.
        model: String,
        /// What the runtime says.
        cause: String,
    },
    /// It gave NaN or infinity.
    #[error("model {model} gave a value in output '{output}' that is not a number")]
    NotANumber {
        /// Which model.
        model: String,
        /// Which output.
        output: String,
    },
}

static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// The loaded library.
#[derive(Clone)]
pub struct Runtime {
    environment: Environment,
}

impl Runtime {
    /// Loads the library, or gives the one that is loaded already if it is the same. Telemetry is off.
    pub fn load(path: &Path) -> Result<Self, OnnxError> {
        let unloadable = |cause: String| OnnxError::Library { path: path.to_owned(), cause };
        let path = path.canonicalize().map_err(|e| unloadable(e.to_string()))?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((in_use, environment)) = &*loaded {
            if *in_use == path {
                return Ok(Self { environment: environment.clone() });
            }
            return Err(OnnxError::SecondLibrary { loaded: in_use.clone(), asked: path });
        }
        let environment = ort::init_from(&path)
            .map_err(|e| unloadable(e.to_string()))?
            .with_name("locker-agent")
            .with_telemetry(false)
            .with_logger(Arc::new(log))
            .build()
            .map_err(|e| unloadable(e.to_string()))?;
        environment.set_log_level(LogLevel::Warning);
        *loaded = Some((path, environment.clone()));
        Ok(Self { environment })
    }
}

fn log(level: LogLevel, _category: &str, _id: &str, place: &str, message: &str) {
    match level {
        LogLevel::Verbose | LogLevel::Info => {}
        LogLevel::Warning => tracing::debug!(place, "onnxruntime: {message}"),
        LogLevel::Error | LogLevel::Fatal => tracing::error!(place, "onnxruntime: {message}"),
    }
}

/// What a graph must have: one input and some outputs, each of a fixed shape.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The model's name, for errors.
    pub model: String,
    /// The input's name.
    pub input: String,
    /// The input's shape.
    pub shape: [usize; 4],
    /// The outputs wanted, with the shape of each as far as it is known beforehand.
    pub outputs: Vec<(String, Vec<Option<usize>>)>,
}

/// A model ready to run, with its input and the outputs of the last run in memory of its own.
pub struct Network {
    plan: Plan,
    session: Session,
    input: Vec<f32>,
    outputs: Vec<Vec<f32>>,
}

impl Network {
    /// Makes a model of verified bytes, runs on `threads` threads, and checks the graph against the plan.
    pub fn load(
        runtime: &Runtime,
        plan: Plan,
        bytes: &[u8],
        threads: usize,
    ) -> Result<Self, OnnxError> {
        let session = session(runtime, bytes, threads)
            .map_err(|cause| OnnxError::Model { model: plan.model.clone(), cause })?;
        check(&plan, session.inputs(), session.outputs())
            .map_err(|problem| OnnxError::Recipe { model: plan.model.clone(), problem })?;
        let input = vec![0.0; plan.shape.iter().product()];
        let outputs = vec![Vec::new(); plan.outputs.len()];
        Ok(Self { plan, session, input, outputs })
    }

    /// The same model from other bytes: same input, same outputs, same checks.
    pub fn twin(&self, runtime: &Runtime, bytes: &[u8], threads: usize) -> Result<Self, OnnxError> {
        Self::load(runtime, self.plan.clone(), bytes, threads)
    }

    /// How many outputs the plan has.
    pub fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.plan.model
    }

    /// The input, to be filled before a run.
    pub fn input(&mut self) -> &mut [f32] {
        &mut self.input
    }

    /// Runs the model on its input.
    pub fn run(&mut self) -> Result<(), OnnxError> {
        let model = &self.plan.model;
        let broken = |cause: String| OnnxError::Run { model: model.clone(), cause };
        let input = TensorRef::from_array_view((self.plan.shape, self.input.as_slice()))
            .map_err(|e| broken(e.to_string()))?;
        let given = self.session.run(ort::inputs![input]).map_err(|e| broken(e.to_string()))?;
        for ((name, _), kept) in self.plan.outputs.iter().zip(&mut self.outputs) {
            let value =
                given.get(name).ok_or_else(|| broken(format!("output '{name}' is gone")))?;
            let (_, values) =
                value.try_extract_tensor::<f32>().map_err(|e| broken(e.to_string()))?;
            kept.clear();
            kept.extend_from_slice(values);
            if !values.iter().all(|v| v.is_finite()) {
                return Err(OnnxError::NotANumber { model: model.clone(), output: name.clone() });
            }
        }
        Ok(())
    }

    /// Runs the model once on zeros, so that the first frame finds its memory allocated. What it says to them does
    /// not matter.
    pub fn warm_up(&mut self) -> Result<(), OnnxError> {
        self.input.fill(0.0);
        let run = self.run();
        self.wipe();
        match run {
            Ok(()) | Err(OnnxError::NotANumber { .. }) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// The values of the n-th output of the plan after the last run.
    pub fn output(&self, index: usize) -> &[f32] {
        &self.outputs[index]
    }

    /// Overwrites the input and the outputs, so that nothing of a face stays in memory.
    pub fn wipe(&mut self) {
        self.input.fill(0.0);
        for output in &mut self.outputs {
            output.fill(0.0);
            output.clear();
        }
    }
}

fn session(runtime: &Runtime, bytes: &[u8], threads: usize) -> Result<Session, String> {
    let text = |e: ort::Error<ort::session::builder::SessionBuilder>| e.to_string();
    Session::builder(&runtime.environment)
        .map_err(|e| e.to_string())?
        .with_log_level(LogLevel::Warning)
        .map_err(text)?
        .with_optimization_level(GraphOptimizationLevel::All)
        .map_err(text)?
        .with_intra_threads(threads.max(1))
        .map_err(text)?
        .with_inter_threads(1)
        .map_err(text)?
        // A thread that spins between two frames warms the board and starves the rest of the program.
        .with_intra_op_spinning(false)
        .map_err(text)?
        .commit_from_memory(bytes)
        .map_err(|e| e.to_string())
}

fn check(plan: &Plan, inputs: &[Outlet], outputs: &[Outlet]) -> Result<(), String> {
    let [input] = inputs else {
        return Err(format!("it has {} inputs, and one is supported", inputs.len()));
    };
    if input.name() != plan.input {
        return Err(format!("its input is called '{}', not '{}'", input.name(), plan.input));
    }
    check_shape("input", input, &plan.shape.map(Some))?;
    for (name, shape) in &plan.outputs {
        let outlet = outputs.iter().find(|outlet| outlet.name() == name).ok_or_else(|| {
            let names: Vec<&str> = outputs.iter().map(Outlet::name).collect();
            format!("it has no output '{name}', only {}", names.join(", "))
        })?;
        check_shape("output", outlet, shape)?;
    }
    Ok(())
}

fn check_shape(kind: &str, outlet: &Outlet, expected: &[Option<usize>]) -> Result<(), String> {
    let name = outlet.name();
    if outlet.dtype().tensor_type() != Some(TensorElementType::Float32) {
        return Err(format!("{kind} '{name}' is not a tensor of 32-bit floats"));
    }
    let declared = outlet.dtype().tensor_shape().map(|shape| shape.to_vec()).unwrap_or_default();
    // A negative size is one the graph leaves open.
    let fits = |(declared, expected): (&i64, &Option<usize>)| {
        *declared < 0 || expected.is_none_or(|side| usize::try_from(*declared) == Ok(side))
    };
    if declared.len() == expected.len() && declared.iter().zip(expected).all(fits) {
        return Ok(());
    }
    let expected: Vec<String> =
        expected.iter().map(|side| side.map_or("any".to_owned(), |s| s.to_string())).collect();
    Err(format!("{kind} '{name}' is declared as {declared:?}, expected [{}]", expected.join(", ")))
}
