# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure regions: slug, display name, paired region. Source: "List of Azure regions" of the Azure documentation."""

from __future__ import annotations

# slug: (display name, paired region or "")
REGIONS = {
    "australiaeast": ("Australia East", "australiasoutheast"),
    "australiasoutheast": ("Australia Southeast", "australiaeast"),
    "brazilsouth": ("Brazil South", "southcentralus"),
    "canadacentral": ("Canada Central", "canadaeast"),
    "canadaeast": ("Canada East", "canadacentral"),
    "centralindia": ("Central India", "southindia"),
    "centralus": ("Central US", "eastus2"),
    "eastasia": ("East Asia", "southeastasia"),
    "eastus": ("East US", "westus"),
    "eastus2": ("East US 2", "centralus"),
    "eastus2euap": ("East US 2 EUAP", "centraluseuap"),
    "centraluseuap": ("Central US EUAP", "eastus2euap"),
    "francecentral": ("France Central", "francesouth"),
    "francesouth": ("France South", "francecentral"),
    "germanynorth": ("Germany North", "germanywestcentral"),
    "germanywestcentral": ("Germany West Central", "germanynorth"),
    "italynorth": ("Italy North", ""),
    "japaneast": ("Japan East", "japanwest"),
    "japanwest": ("Japan West", "japaneast"),
    "koreacentral": ("Korea Central", "koreasouth"),
    "koreasouth": ("Korea South", "koreacentral"),
    "northcentralus": ("North Central US", "southcentralus"),
    "northeurope": ("North Europe", "westeurope"),
    "norwayeast": ("Norway East", "norwaywest"),
    "norwaywest": ("Norway West", "norwayeast"),
    "polandcentral": ("Poland Central", ""),
    "southafricanorth": ("South Africa North", "southafricawest"),
    "southafricawest": ("South Africa West", "southafricanorth"),
    "southcentralus": ("South Central US", "northcentralus"),
    "southeastasia": ("Southeast Asia", "eastasia"),
    "southindia": ("South India", "centralindia"),
    "spaincentral": ("Spain Central", ""),
    "swedencentral": ("Sweden Central", "swedensouth"),
    "swedensouth": ("Sweden South", "swedencentral"),
    "switzerlandnorth": ("Switzerland North", "switzerlandwest"),
    "switzerlandwest": ("Switzerland West", "switzerlandnorth"),
    "uaenorth": ("UAE North", "uaecentral"),
    "uaecentral": ("UAE Central", "uaenorth"),
    "uksouth": ("UK South", "ukwest"),
    "ukwest": ("UK West", "uksouth"),
    "westcentralus": ("West Central US", "westus2"),
    "westeurope": ("West Europe", "northeurope"),
    "westus": ("West US", "eastus"),
    "westus2": ("West US 2", "westcentralus"),
    "westus3": ("West US 3", "eastus"),
}


def slug(location: str) -> str:
    """``East US`` and ``EastUS`` are ``eastus``."""
    return location.replace(" ", "").lower()


def paired(location: str) -> str:
    return REGIONS.get(slug(location), ("", ""))[1]
