//! The handle of a task.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::task::Task;

/// Waits for a task, if it is awaited. Dropped, it lets the task go on.
pub struct JoinHandle<T>(Option<async_task::FallibleTask<T, Task>>);

impl<T> JoinHandle<T> {
    pub(super) fn new(task: async_task::Task<T, Task>) -> JoinHandle<T> {
        JoinHandle(Some(task.fallible()))
    }

    /// Ends the task: it is not polled again, and its future is dropped when its turn comes.
    pub fn cancel(mut self) {
        drop(self.0.take());
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(async_task::FallibleTask::is_finished)
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}

impl<T> Unpin for JoinHandle<T> {}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(task) = self.0.as_mut() else { return Poll::Pending };
        match Pin::new(task).poll(cx) {
            Poll::Ready(Some(output)) => Poll::Ready(output),
            // The run has ended under the task: nobody will be polled again.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinHandle(finished: {})", self.is_finished())
    }
}
