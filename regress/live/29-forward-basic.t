#!/bin/sh
# The whole of 01-basic the other way round: users on the side that dials, the
# target on the side that accepts tunnels.

FORWARD=yes
. regress/live/01-basic.t
