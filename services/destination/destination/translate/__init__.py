"""Values -> messages of the proxy API. Pure; nothing here decides anything.

net         addresses, networks, durations, resource names
endpoints   Update and WeightedAddr
profile     DestinationProfile
routes      matches and filters that routes of either direction have
inbound     inbound.Server
outbound    outbound.OutboundPolicy
"""
