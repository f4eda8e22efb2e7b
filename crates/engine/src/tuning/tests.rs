use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

use super::{OWED, SILENCE, UNSENT, tune};

#[tokio::test]
async fn the_system_holds_little_and_does_not_use_bbr() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let socket = SockRef::from(&stream);
    // Where there is none, whatever else is the usual stays.
    let had_bbr = socket.set_tcp_congestion(b"bbr").is_ok();
    let usual = socket.tcp_congestion().unwrap();
    tune(&stream);
    assert!(stream.nodelay().unwrap());
    assert_eq!(socket.tcp_notsent_lowat().unwrap(), UNSENT);
    assert_eq!(socket.tcp_keepalive_time().unwrap(), SILENCE);
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(OWED));
    let now = socket.tcp_congestion().unwrap();
    assert!(!now.starts_with(b"bbr"));
    assert!(had_bbr || now == usual, "{usual:?} became {now:?}");
}
