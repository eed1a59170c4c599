"""The adapter of botocore: boto3, botocore itself and aiobotocore."""
