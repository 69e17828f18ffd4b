module kube-pcap/netkit

go 1.24
