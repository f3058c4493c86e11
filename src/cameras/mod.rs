//! Real cameras: through the kernel (`v4l2`), through another program's output (`command`), and files played
//! in a row (`replay`).
//!
//! Every one gives the newest picture or says in a sentence why there is none. What is plain arithmetic (cutting a
//! stream into pictures, choosing a format, colours) is apart from what touches the world, and tested alone;
//! everything the compiler cannot check is in `kernel`.

mod command;
mod formats;
mod holders;
mod huffman;
mod kernel;
mod mjpeg;
mod replay;
mod restarts;
mod v4l2;
mod yuyv;

pub use command::{CommandCamera, CommandCameras, CommandWish};
pub use replay::ReplayCamera;
pub use v4l2::{V4l2Camera, V4l2Fault, V4l2Wish};
