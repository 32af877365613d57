"""Tests of the wire: that our protos say exactly what the peers' do."""
