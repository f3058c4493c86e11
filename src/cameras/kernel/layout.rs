//! Numbers and layouts of `linux/videodev2.h`, for one plane of captured pictures.

use std::ffi::c_long;
use std::marker::PhantomData;

use rustix::ioctl::{Opcode, opcode};

/// A request whose argument is a `T`.
#[derive(Clone, Copy)]
pub(super) struct Request<T>(pub(super) Opcode, PhantomData<fn(&mut T)>);

impl<T> Request<T> {
    const fn read(number: u8) -> Self {
        Self(opcode::read::<T>(b'V', number), PhantomData)
    }
    const fn write(number: u8) -> Self {
        Self(opcode::write::<T>(b'V', number), PhantomData)
    }
    const fn both(number: u8) -> Self {
        Self(opcode::read_write::<T>(b'V', number), PhantomData)
    }
}

pub(super) const QUERY_CAPABILITY: Request<Capability> = Request::read(0);
pub(super) const NEXT_FORMAT: Request<FormatDescription> = Request::both(2);
pub(super) const SET_FORMAT: Request<Format> = Request::both(5);
pub(super) const REQUEST_BUFFERS: Request<BufferRequest> = Request::both(8);
pub(super) const QUERY_BUFFER: Request<Buffer> = Request::both(9);
pub(super) const QUEUE: Request<Buffer> = Request::both(15);
pub(super) const DEQUEUE: Request<Buffer> = Request::both(17);
pub(super) const STREAM_ON: Request<u32> = Request::write(18);
pub(super) const STREAM_OFF: Request<u32> = Request::write(19);
pub(super) const SET_RATE: Request<StreamParameters> = Request::both(22);
pub(super) const NEXT_SIZE: Request<SizeDescription> = Request::both(74);

/// `struct v4l2_capability`
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::cameras) struct Capability {
    pub(super) driver: [u8; 16],
    pub(super) card: [u8; 32],
    pub(super) bus: [u8; 32],
    pub(super) version: u32,
    pub(super) whole: u32,
    pub(super) device: u32,
    pub(super) reserved: [u32; 3],
}

impl Capability {
    pub(in crate::cameras) fn card(&self) -> String {
        text(&self.card)
    }
    pub(in crate::cameras) fn bus(&self) -> String {
        text(&self.bus)
    }
    /// Whether the node gives pictures in one plane, by streaming: `V4L2_CAP_VIDEO_CAPTURE`, `_STREAMING`. The node's own
    /// abilities count where the driver tells them (`V4L2_CAP_DEVICE_CAPS`), not those of the whole device.
    pub(in crate::cameras) fn captures(&self) -> bool {
        let told = if self.whole & 0x8000_0000 == 0 { self.whole } else { self.device };
        told & 0x0400_0001 == 0x0400_0001
    }
}

/// `struct v4l2_fmtdesc`
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FormatDescription {
    pub(super) index: u32,
    pub(super) kind: u32,
    pub(super) flags: u32,
    pub(super) description: [u8; 32],
    pub(super) fourcc: u32,
    pub(super) code: u32,
    pub(super) reserved: [u32; 3],
}

/// `struct v4l2_frmsizeenum`; `kind` is 1 for one size (in `values[..2]`), else smallest, largest and step of width, then of
/// height.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::cameras) struct SizeDescription {
    pub(super) index: u32,
    pub(super) fourcc: u32,
    pub(in crate::cameras) kind: u32,
    pub(in crate::cameras) values: [u32; 6],
    pub(super) reserved: [u32; 2],
}

/// `struct v4l2_pix_format`
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::cameras) struct PixelFormat {
    pub(in crate::cameras) width: u32,
    pub(in crate::cameras) height: u32,
    pub(in crate::cameras) fourcc: u32,
    pub(super) field: u32,
    pub(in crate::cameras) bytes_per_line: u32,
    pub(super) size: u32,
    pub(in crate::cameras) colour_space: u32,
    pub(super) private: u32,
    pub(super) flags: u32,
    pub(super) encoding: u32,
    pub(in crate::cameras) quantisation: u32,
    pub(super) transfer: u32,
}

/// `struct v4l2_format`: its union holds pointers in other uses, hence the alignment.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Format {
    pub(super) kind: u32,
    pub(super) aligned: [usize; 0],
    pub(super) pixels: PixelFormat,
    pub(super) rest: [[u32; 19]; 2],
}

/// `struct v4l2_streamparm`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct StreamParameters {
    pub(super) kind: u32,
    pub(super) capability: u32,
    pub(super) mode: u32,
    pub(super) seconds: u32,
    pub(super) frames: u32,
    pub(super) rest: [[u32; 23]; 2],
}

/// `struct v4l2_requestbuffers`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct BufferRequest {
    pub(super) count: u32,
    pub(super) kind: u32,
    pub(super) memory: u32,
    pub(super) capabilities: u32,
    pub(super) flags: u32,
}

/// `struct v4l2_buffer`, with the kernel's older time on 32-bit boards, which it goes on accepting.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Buffer {
    pub(super) index: u32,
    pub(super) kind: u32,
    pub(super) bytes_used: u32,
    pub(super) flags: u32,
    pub(super) field: u32,
    pub(super) taken: [c_long; 2],
    pub(super) timecode: [u32; 4],
    pub(super) sequence: u32,
    pub(super) memory: u32,
    /// A union; the offset of mapped memory is its first 32 bits.
    pub(super) place: Place,
    pub(super) length: u32,
    pub(super) reserved: u32,
    pub(super) request: u32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) aligned: [usize; 0],
    pub(super) offset: u32,
    #[cfg(target_pointer_width = "64")]
    pub(super) rest: u32,
}

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<Capability>() == 104);
    assert!(size_of::<FormatDescription>() == 64);
    assert!(size_of::<SizeDescription>() == 44);
    assert!(size_of::<Format>() == 208);
    assert!(size_of::<StreamParameters>() == 204);
    assert!(size_of::<BufferRequest>() == 20);
    assert!(size_of::<Buffer>() == 88);
};

/// A fixed field of the kernel's, up to its zero.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).trim().to_owned()
}
