mod id;
mod lecture;
mod moving;
mod perfect;
mod still;
