"""Asks S3 by boto3."""

import os
from functools import cache

import boto3
from botocore.config import Config

SECRET = "wJalrXUtnFEMI/K7MDENG/conformance"


@cache
def client():
    return boto3.client(
        "s3",
        endpoint_url=os.environ["SERVICE"],
        region_name="eu-central-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key=SECRET,
        config=Config(s3={"addressing_style": "path"}),
    )


def call(text):
    return client().get_object(Bucket="bucket", Key=text)["Body"].read()


def fail():
    client().get_object(Bucket="bucket", Key="nothing")


def send_secret():
    call("signed")
