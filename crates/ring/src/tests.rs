mod id;
mod lecture;
