"""The boundary of botocore: boto3, botocore itself and aiobotocore."""
