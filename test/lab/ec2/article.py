"""The article's steps by boto3: attach an interface to one instance, then to another, with waiters in between. Prints what it saw."""
import sys

import boto3

ec2 = boto3.client("ec2", endpoint_url=sys.argv[1], region_name="us-east-1",
                   aws_access_key_id="AKIDEXAMPLEAKIDEX", aws_secret_access_key="secretsecretsecret")
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
instances = [each["InstanceId"] for each in ec2.run_instances(
    ImageId="ami-12345678", InstanceType="t3.small", MinCount=2, MaxCount=2, SubnetId=subnet)["Instances"]]
ec2.get_waiter("instance_running").wait(InstanceIds=instances, WaiterConfig={"Delay": 1})
eni = ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.1.50")["NetworkInterface"]["NetworkInterfaceId"]
for instance in instances:
    ec2.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[eni], WaiterConfig={"Delay": 1})
    attachment = ec2.attach_network_interface(NetworkInterfaceId=eni, InstanceId=instance, DeviceIndex=1)["AttachmentId"]
    shown = ec2.describe_network_interfaces(Filters=[{"Name": "attachment.instance-id", "Values": [instance]},
                                                     {"Name": "attachment.device-index", "Values": ["1"]}])["NetworkInterfaces"]
    print(shown[0]["PrivateIpAddress"], shown[0]["Status"], shown[0]["Attachment"]["Status"])
    ec2.detach_network_interface(AttachmentId=attachment)
ec2.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[eni], WaiterConfig={"Delay": 1})
try:
    ec2.describe_network_interfaces(NetworkInterfaceIds=["eni-00000000000000000"])
except ec2.exceptions.ClientError as error:
    print(error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
ec2.delete_network_interface(NetworkInterfaceId=eni)
ec2.terminate_instances(InstanceIds=instances)
ec2.get_waiter("instance_terminated").wait(InstanceIds=instances, WaiterConfig={"Delay": 1})
ec2.delete_subnet(SubnetId=subnet)
ec2.delete_vpc(VpcId=vpc)
print(len(ec2.describe_vpcs()["Vpcs"]))
