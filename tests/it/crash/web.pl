# The web process of the crash tests, which boots in no time: answers with its release, and at
# /env/NAME with a variable.
use strict;
use Socket;
socket(my $listener, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
bind($listener, sockaddr_in($ENV{PORT}, INADDR_ANY)) or die "bind: $!";
listen($listener, 64) or die "listen: $!";
while (accept(my $client, $listener)) {
    my $head = "";
    while ($head !~ /\r\n\r\n/) {
        last unless sysread($client, $head, 4096, length $head);
    }
    my $text = $head =~ m{^GET /env/(\w+)} ? $ENV{$1} : "$ENV{XII_RELEASE} $ENV{XII_INSTANCE}";
    my $fields = "Connection: close\r\nContent-Length: " . length($text);
    syswrite($client, "HTTP/1.1 200 OK\r\n$fields\r\n\r\n$text");
    close $client;
}
