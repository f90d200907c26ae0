//! One call: values in, work, a value out.

use wasmi::{Func, Instance, Memory, Store, Val, ValType};

use crate::check::number_type;
use crate::meter::Meter;
use crate::state::State;
use crate::{Environment, Function, HostError, Value, ValueType};

/// Longest text of a plugin's own error, bytes.
const ERROR_TEXT: usize = 4 << 10;

/// Longest JSON that is read. As a [`serde_json::Value`] it takes some thirty times its bytes, which no limit of the plugin counts.
const JSON: usize = 4 << 20;

/// A call under way.
pub(crate) struct Call<'a, E: Environment> {
    store: &'a mut Store<State<E>>,
    instance: Instance,
    meter: Meter,
    name: &'a str,
    /// Memory that the plugin was asked for.
    lent: Vec<u32>,
    broken: bool,
}

impl<'a, E: Environment> Call<'a, E> {
    pub(crate) fn new(
        store: &'a mut Store<State<E>>,
        instance: Instance,
        meter: Meter,
        name: &'a str,
    ) -> Self {
        Self { store, instance, meter, name, lent: Vec::new(), broken: false }
    }

    /// Whether the plugin stopped somewhere on the way.
    pub(crate) fn broken(&self) -> bool {
        self.broken
    }

    /// A function that the manifest declares.
    pub(crate) fn declared(&mut self, function: &Function, arguments: &[Value]) -> Result<Value, HostError> {
        // All of them first: nothing is asked of the plugin for a call that will not be made.
        self.check_count(function.params.len(), arguments.len())?;
        for (at, (param, argument)) in function.params.iter().zip(arguments).enumerate() {
            if argument.value_type() != Some(*param) {
                return Err(self.bad_argument(at, param.as_str()));
            }
        }
        let answer = self.declared_with(function, arguments);
        let returned = self.take_back();
        answer.and_then(|answer| returned.map(|()| answer))
    }

    /// Any other export: numbers as they are.
    pub(crate) fn raw(&mut self, arguments: &[Value]) -> Result<Value, HostError> {
        let function = self.function(self.name)?;
        let signature = function.ty(&*self.store);
        self.check_count(signature.params().len(), arguments.len())?;
        let mut passed = Vec::new();
        for (at, (param, argument)) in signature.params().iter().zip(arguments).enumerate() {
            let value = number(argument).filter(|value| value.ty() == *param);
            let expected = number_type(param).map_or("a number", ValueType::as_str);
            passed.push(value.ok_or_else(|| self.bad_argument(at, expected))?);
        }
        match signature.results() {
            [] => {
                self.enter(function, &passed, &mut [])?;
                Ok(Value::None)
            }
            [result] if number_type(result).is_some() => {
                let value = self.enter_for(function, &passed, result)?;
                from_number(&value).ok_or_else(|| self.bad_result("it is no number"))
            }
            _ => Err(self.bad_result("it is more than one number, or none")),
        }
    }

    fn declared_with(&mut self, function: &Function, arguments: &[Value]) -> Result<Value, HostError> {
        let mut passed = Vec::with_capacity(2 * arguments.len());
        for argument in arguments {
            match argument {
                Value::Bytes(bytes) => self.lend(bytes, &mut passed)?,
                Value::Text(text) => self.lend(text.as_bytes(), &mut passed)?,
                Value::Json(json) => self.lend(json.to_string().as_bytes(), &mut passed)?,
                other => passed.extend(number(other)),
            }
        }
        let entry = self.function(self.name)?;
        match function.result {
            None => {
                self.enter(entry, &passed, &mut [])?;
                Ok(Value::None)
            }
            Some(result) if result.in_memory() => {
                let packed = self.enter_for(entry, &passed, &ValType::I64)?;
                // Copied before the arguments are given back: it may lie among them.
                let bytes = self.take(&packed, self.name)?;
                match bytes {
                    Some(bytes) => self.value(result, bytes),
                    None => Err(HostError::Failed { name: self.name.to_owned(), text: self.last_error()? }),
                }
            }
            Some(result) => {
                let kind = match result {
                    ValueType::I32 => ValType::I32,
                    ValueType::F32 => ValType::F32,
                    ValueType::F64 => ValType::F64,
                    _ => ValType::I64,
                };
                let value = self.enter_for(entry, &passed, &kind)?;
                from_number(&value).ok_or_else(|| self.bad_result("it is no number"))
            }
        }
    }

    /// Puts bytes into the plugin's memory, and their place among the arguments.
    fn lend(&mut self, bytes: &[u8], passed: &mut Vec<Val>) -> Result<(), HostError> {
        let out_of_memory = HostError::OutOfMemory { bytes: bytes.len() };
        let Ok(length) = u32::try_from(bytes.len()) else { return Err(out_of_memory) };
        let malloc = self.function("malloc")?;
        let pointer = match self.enter_for(malloc, &[Val::I32(length as i32)], &ValType::I32)? {
            Val::I32(pointer) => pointer as u32,
            _ => 0,
        };
        if pointer != 0 {
            self.lent.push(pointer);
        }
        if !bytes.is_empty() {
            let memory = self.memory()?.data_mut(&mut *self.store);
            let end = pointer as usize + bytes.len();
            let place =
                memory.get_mut(pointer as usize..end).filter(|_| pointer != 0).ok_or(out_of_memory)?;
            place.copy_from_slice(bytes);
        }
        passed.extend([Val::I32(pointer as i32), Val::I32(length as i32)]);
        Ok(())
    }

    /// Copies a result out and gives its memory back; none where the function says that it failed.
    fn take(&mut self, packed: &Val, name: &str) -> Result<Option<Vec<u8>>, HostError> {
        let Val::I64(packed) = *packed else { return Err(self.bad_result("it is not a number of 64 bits")) };
        let packed = packed as u64;
        if packed == 0 {
            return Ok(None);
        }
        let (pointer, length) = ((packed >> 32) as u32, packed as u32);
        let memory = self.memory()?.data(&*self.store);
        let end = pointer as usize + length as usize;
        let bytes = memory.get(pointer as usize..end).map(<[u8]>::to_vec);
        let bytes = bytes.ok_or_else(|| HostError::Result {
            name: name.to_owned(),
            reason: "it lies outside of the plugin's memory".to_owned(),
        })?;
        self.free(pointer)?;
        Ok(Some(bytes))
    }

    fn take_back(&mut self) -> Result<(), HostError> {
        for pointer in std::mem::take(&mut self.lent) {
            if !self.broken {
                self.free(pointer)?;
            }
        }
        Ok(())
    }

    fn free(&mut self, pointer: u32) -> Result<(), HostError> {
        let free = self.function("free")?;
        self.enter(free, &[Val::I32(pointer as i32)], &mut [])
    }

    fn last_error(&mut self) -> Result<Option<String>, HostError> {
        let function = self.instance.get_func(&*self.store, "last_error");
        let Some(function) = function.filter(|function| {
            let signature = function.ty(&*self.store);
            signature.params().is_empty() && signature.results() == [ValType::I64]
        }) else {
            return Ok(None);
        };
        let packed = self.enter_for(function, &[], &ValType::I64)?;
        let text = self.take(&packed, "last_error")?;
        Ok(text.map(|text| String::from_utf8_lossy(&text[..text.len().min(ERROR_TEXT)]).into_owned()))
    }

    fn value(&self, kind: ValueType, bytes: Vec<u8>) -> Result<Value, HostError> {
        match kind {
            ValueType::Text => {
                String::from_utf8(bytes).map(Value::Text).map_err(|_| self.bad_result("it is not UTF-8"))
            }
            ValueType::Json if bytes.len() > JSON => {
                Err(self.bad_result("it is more than 4 MiB of JSON; more of it travels as bytes or text"))
            }
            ValueType::Json => {
                serde_json::from_slice(&bytes).map(Value::Json).map_err(|_| self.bad_result("it is not JSON"))
            }
            _ => Ok(Value::Bytes(bytes)),
        }
    }

    fn enter_for(&mut self, function: Func, arguments: &[Val], kind: &ValType) -> Result<Val, HostError> {
        let mut result = [Val::default_for_ty(*kind)];
        self.enter(function, arguments, &mut result)?;
        let [result] = result;
        Ok(result)
    }

    fn enter(&mut self, function: Func, arguments: &[Val], results: &mut [Val]) -> Result<(), HostError> {
        let outcome = self.meter.run(self.store, function, arguments, results);
        outcome.map_err(|stop| {
            self.broken = true;
            stop.within(self.name)
        })
    }

    fn function(&self, name: &str) -> Result<Func, HostError> {
        let found = self.instance.get_func(&*self.store, name);
        found.ok_or_else(|| HostError::NoFunction { name: name.chars().take(100).collect() })
    }

    fn memory(&self) -> Result<Memory, HostError> {
        let memory = self.instance.get_memory(&*self.store, "memory");
        memory.ok_or_else(|| HostError::MissingExport { what: "`memory`".to_owned() })
    }

    fn check_count(&self, expected: usize, found: usize) -> Result<(), HostError> {
        if expected == found {
            return Ok(());
        }
        let counted = |count| format!("{count} argument{}", if count == 1 { "" } else { "s" });
        Err(HostError::Argument {
            what: format!("a call of `{}` with {}", self.name, counted(found)),
            expected: format!("one with {}", counted(expected)),
        })
    }

    fn bad_argument(&self, at: usize, expected: &str) -> HostError {
        HostError::Argument {
            what: format!("argument {} of `{}`", at + 1, self.name),
            expected: expected.to_owned(),
        }
    }

    fn bad_result(&self, reason: &str) -> HostError {
        HostError::Result { name: self.name.to_owned(), reason: reason.to_owned() }
    }
}

fn number(value: &Value) -> Option<Val> {
    Some(match value {
        Value::I32(value) => Val::I32(*value),
        Value::I64(value) => Val::I64(*value),
        Value::F32(value) => Val::F32((*value).into()),
        Value::F64(value) => Val::F64((*value).into()),
        Value::Bytes(_) | Value::Text(_) | Value::Json(_) | Value::None => return None,
    })
}

fn from_number(value: &Val) -> Option<Value> {
    Some(match value {
        Val::I32(value) => Value::I32(*value),
        Val::I64(value) => Value::I64(*value),
        Val::F32(value) => Value::F32((*value).into()),
        Val::F64(value) => Value::F64((*value).into()),
        _ => return None,
    })
}
