"""
Lets Debian's cloud-init find its data source where this runs, and prints what it learned as JSON. Writes only below the directory given.
With the word `ec2` the machine's firmware says what EC2's says: by that cloud-init knows that it may use session tokens.
"""
import json
import logging
import os
import sys

from cloudinit import distros, dmi, helpers, settings, sources
from cloudinit.reporting import events
from cloudinit.sources import DataSourceEc2

directory = sys.argv[1]
logging.basicConfig(level=logging.DEBUG, filename=f"{directory}/log", force=True)
dmi.is_container = lambda: False
dmi.DMI_SYS_PATH = f"{directory}/dmi"
os.mkdir(dmi.DMI_SYS_PATH)
for key in ["product_uuid", "product_serial", "chassis_asset_tag", "sys_vendor", "product_name"]:
    with open(f"{dmi.DMI_SYS_PATH}/{key}", "w") as file:
        file.write("ec2e1916-9099-7caf-fd21-012345abcdef" if sys.argv[2] == "ec2" else "none")
config = {**settings.CFG_BUILTIN, "datasource_list": ["Ec2", "None"]}
paths = helpers.Paths({"cloud_dir": f"{directory}/lib", "run_dir": f"{directory}/run", "templates_dir": f"{directory}/templates"})
distro = distros.fetch("debian")("debian", config, paths)
source, name = sources.find_source(
    config,
    distro,
    paths,
    [sources.DEP_FILESYSTEM, sources.DEP_NETWORK],
    ["Ec2", "None"],
    ["cloudinit.sources"],
    events.ReportEventStack("detect", "detects"),
)
hostname = source.get_hostname(fqdn=True)
user_data = source.get_userdata_raw()
print(
    json.dumps(
        {
            "name": name,
            "cloud": source.cloud_name,
            "isEc2": isinstance(source, DataSourceEc2.DataSourceEc2),
            "instanceId": source.get_instance_id(),
            # Older versions give the name alone.
            "hostname": hostname if isinstance(hostname, str) else hostname[0],
            "zone": source.availability_zone,
            "region": source.region,
            "address": source.metadata_address,
            "metadata": source.metadata,
            "identity": source.identity,
            "userData": list(user_data if isinstance(user_data, bytes) else str(user_data or "").encode()),
            "network": source.network_config,
        }
    )
)
