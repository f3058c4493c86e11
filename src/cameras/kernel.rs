//! What the compiler cannot check: the kernel's video interface, memory shared with it, and a child tied to us.
//!
//! The numbers of the requests (`layout`) contain the size of their argument, so a layout that were wrong would be
//! refused by the kernel instead of overrun.
#![expect(unsafe_code, reason = "ioctl, mmap and pre_exec; each block says why it holds")]

mod layout;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, ioctl};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

use layout::{
    Buffer, BufferRequest, DEQUEUE, Format, FormatDescription, NEXT_FORMAT, NEXT_SIZE,
    QUERY_BUFFER, QUERY_CAPABILITY, QUEUE, REQUEST_BUFFERS, Request, SET_FORMAT, SET_RATE,
    STREAM_OFF, STREAM_ON, StreamParameters,
};
pub(super) use layout::{Capability, PixelFormat, SizeDescription};

/// `V4L2_BUF_TYPE_VIDEO_CAPTURE`
const CAPTURE: u32 = 1;
/// `V4L2_MEMORY_MMAP`
const MAPPED: u32 = 1;
/// `V4L2_BUF_FLAG_ERROR`: the data is damaged.
const FLAG_ERROR: u32 = 0x40;
/// `V4L2_BUF_FLAG_TIMESTAMP_MASK` and its value for the monotonic clock.
const FLAG_CLOCK: (u32, u32) = (0xE000, 0x2000);

/// An open video node.
#[derive(Debug)]
pub(super) struct Node(File);

impl Node {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits();
        let flags = i32::try_from(nonblocking).map_err(io::Error::other)?;
        File::options().read(true).write(true).custom_flags(flags).open(path).map(Self)
    }

    pub(super) fn capability(&self) -> io::Result<Capability> {
        let mut capability = Capability::default();
        self.call(QUERY_CAPABILITY, &mut capability)?;
        Ok(capability)
    }

    /// The code of the format with this number; an error past the last one.
    pub(super) fn format(&self, index: u32) -> io::Result<u32> {
        let mut format = FormatDescription { index, kind: CAPTURE, ..Default::default() };
        self.call(NEXT_FORMAT, &mut format)?;
        Ok(format.fourcc)
    }

    /// The size with this number; an error past the last one.
    pub(super) fn size(&self, fourcc: u32, index: u32) -> io::Result<SizeDescription> {
        let mut size = SizeDescription { index, fourcc, ..Default::default() };
        self.call(NEXT_SIZE, &mut size)?;
        Ok(size)
    }

    /// Asks for a format and gives what the driver made of it.
    pub(super) fn set_format(
        &self,
        fourcc: u32,
        (width, height): (u32, u32),
    ) -> io::Result<PixelFormat> {
        // 1 is V4L2_FIELD_NONE: no half pictures.
        let pixels = PixelFormat { width, height, fourcc, field: 1, ..Default::default() };
        let mut format = Format { kind: CAPTURE, pixels, ..Default::default() };
        self.call(SET_FORMAT, &mut format)?;
        Ok(format.pixels)
    }

    /// Asks for so many frames in so many seconds and gives what the driver made of it.
    pub(super) fn set_rate(&self, frames: u32, seconds: u32) -> io::Result<(u32, u32)> {
        let mut rate = StreamParameters { kind: CAPTURE, seconds, frames, ..Default::default() };
        self.call(SET_RATE, &mut rate)?;
        Ok((rate.frames, rate.seconds))
    }

    /// Maps up to `count` buffers, gives all to the driver and starts it.
    pub(super) fn stream(self, count: u32) -> io::Result<Stream> {
        let mut request =
            BufferRequest { count, kind: CAPTURE, memory: MAPPED, ..Default::default() };
        self.call(REQUEST_BUFFERS, &mut request)?;
        let mut stream = Stream { buffers: Vec::new(), node: self };
        for index in 0..request.count {
            let mut buffer = stream.buffer(index);
            stream.node.call(QUERY_BUFFER, &mut buffer)?;
            stream.buffers.push(Mapping::new(&stream.node.0, &buffer)?);
            stream.node.call(QUEUE, &mut buffer)?;
        }
        stream.node.call(STREAM_ON, &mut { CAPTURE })?;
        Ok(stream)
    }

    fn call<T: Copy>(&self, request: Request<T>, argument: &mut T) -> io::Result<()> {
        // SAFETY: the requests above pair each number with the type that the kernel's header pairs it with, made of
        // integers only, so whatever the kernel writes is a value of it; it writes no more than the size in the number.
        let done = rustix::io::retry_on_intr(|| unsafe {
            ioctl(&self.0, Call { opcode: request.0, argument: &mut *argument })
        });
        Ok(done?)
    }
}

struct Call<'a, T> {
    opcode: Opcode,
    argument: &'a mut T,
}

// SAFETY: the pointer is that of a live, exclusively borrowed `T`, of the size that the opcode names.
unsafe impl<T> Ioctl for Call<'_, T> {
    type Output = ();
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        self.opcode
    }
    fn as_ptr(&mut self) -> *mut std::ffi::c_void {
        std::ptr::from_mut(self.argument).cast()
    }
    unsafe fn output_from_ptr(
        _: IoctlOutput,
        _: *mut std::ffi::c_void,
    ) -> rustix::io::Result<Self::Output> {
        Ok(())
    }
}

/// A node that delivers frames.
#[derive(Debug)]
pub(super) struct Stream {
    /// Before the node, so that the memory is given back first.
    buffers: Vec<Mapping>,
    node: Node,
}

/// A frame that the driver has handed over, until it is given back.
#[derive(Debug)]
pub(super) struct Filled {
    index: u32,
    used: usize,
    /// Whether the driver says that the data is whole.
    pub(super) whole: bool,
    /// When it was taken, by the monotonic clock, if the driver says so.
    pub(super) taken: Option<Duration>,
}

impl Stream {
    /// The oldest frame that is ready, if any.
    pub(super) fn dequeue(&mut self) -> io::Result<Option<Filled>> {
        let mut buffer = self.buffer(0);
        match self.node.call(DEQUEUE, &mut buffer) {
            Ok(()) => {}
            Err(none) if none.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        let [seconds, micros] = buffer.taken.map(|part| u64::try_from(part).unwrap_or(0));
        let taken = Duration::from_secs(seconds) + Duration::from_micros(micros);
        Ok(Some(Filled {
            index: buffer.index,
            used: buffer.bytes_used as usize,
            whole: buffer.flags & FLAG_ERROR == 0,
            taken: (buffer.flags & FLAG_CLOCK.0 == FLAG_CLOCK.1).then_some(taken),
        }))
    }

    /// The data of a frame.
    pub(super) fn bytes(&self, filled: &Filled) -> &[u8] {
        let memory = self.buffers.get(filled.index as usize).map_or(&[][..], Mapping::bytes);
        &memory[..filled.used.min(memory.len())]
    }

    /// Gives a frame back to be filled anew.
    #[expect(clippy::needless_pass_by_value, reason = "who has given it back cannot read it")]
    pub(super) fn requeue(&mut self, filled: Filled) -> io::Result<()> {
        let mut buffer = self.buffer(filled.index);
        self.node.call(QUEUE, &mut buffer)
    }

    fn buffer(&self, index: u32) -> Buffer {
        Buffer { index, kind: CAPTURE, memory: MAPPED, ..Default::default() }
    }

    pub(super) fn buffers(&self) -> usize {
        self.buffers.len()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.node.0.as_fd()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // A device that is gone has stopped already.
        _ = self.node.call(STREAM_OFF, &mut { CAPTURE });
    }
}

/// A buffer's memory, shared with the kernel.
#[derive(Debug)]
struct Mapping {
    start: *const u8,
    length: usize,
}

// SAFETY: the memory belongs to the process, not to a thread, and nothing else has the pointer.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(file: &File, buffer: &Buffer) -> io::Result<Self> {
        let length = buffer.length as usize;
        let offset = u64::from(buffer.place.offset);
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory that Rust knows of.
        let start = unsafe {
            mmap(std::ptr::null_mut(), length, ProtFlags::READ, MapFlags::SHARED, file, offset)?
        };
        Ok(Self { start: start.cast(), length })
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: mapped readable for `length` bytes until `self` is dropped. The driver writes only while the buffer
        // is queued; callers get here with a `Filled`, which exists only while it is not.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this address and length, and slices of it do not outlive `self`. A failure
        // would leave the memory mapped, which harms nobody.
        _ = unsafe { munmap(self.start.cast_mut().cast(), self.length) };
    }
}

/// Lets the kernel kill the program's child when the thread that starts it ends, however it ends.
pub(super) fn dies_with_its_parent(command: &mut Command) {
    let parent = getpid();
    let tie = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the tie was made.
        if getppid() == Some(parent) { Ok(()) } else { Err(rustix::io::Errno::SRCH.into()) }
    };
    // SAFETY: between fork and exec it makes two system calls and allocates nothing.
    unsafe { command.pre_exec(tie) };
}
