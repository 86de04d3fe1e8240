#!/bin/sh
echo "hello, $1, from an image that was built for this"
