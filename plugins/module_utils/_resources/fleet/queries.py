# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of Azure Resource Graph about a fleet. Facts, no code. Private to the collection.

Each answer has an ``id``, without which Resource Graph does not page, and an order, without which its pages overlap.
Tables of different services cannot be joined there, so rows are put together in ``fleet.state``. Sources:
https://learn.microsoft.com/azure/governance/resource-graph/concepts/query-language and
https://learn.microsoft.com/azure/governance/resource-graph/concepts/work-with-data
"""

from __future__ import annotations

# Only what is needed of a cluster, whose document is ten times as large. Resource Graph's clock counts, not ours.
CLUSTERS = """resources
| where type =~ 'microsoft.containerservice/managedclusters'
| extend asked = now()
| project id, name, location, resourceGroup, subscriptionId, tags, identity, asked, properties = pack(
    'agentPoolProfiles', properties.agentPoolProfiles,
    'apiServerAccessProfile', properties.apiServerAccessProfile,
    'kubernetesVersion', properties.kubernetesVersion,
    'nodeResourceGroup', properties.nodeResourceGroup,
    'powerState', properties.powerState,
    'provisioningState', properties.provisioningState,
    'storageProfile', properties.storageProfile)
| order by id asc"""

# The members of these properties have been seen with capitals and without, so they are searched as a whole.
EXTENSIONS = """kubernetesconfigurationresources
| where type =~ 'microsoft.kubernetesconfiguration/extensions'
| where id contains '/managedclusters/'
| where tostring(properties) contains 'microsoft.dataprotection.kubernetes'
| project id, name, properties
| order by id asc"""

INSTANCES = """recoveryservicesresources
| where type =~ 'microsoft.dataprotection/backupvaults/backupinstances'
| where properties.dataSourceInfo.datasourceType =~ 'Microsoft.ContainerService/managedClusters'
| project id, name, properties
| order by id asc"""

POLICIES = """recoveryservicesresources
| where type =~ 'microsoft.dataprotection/backupvaults/backuppolicies'
| where tostring(properties.datasourceTypes) contains 'Microsoft.ContainerService/managedClusters'
| project id, name, properties
| order by id asc"""

VAULTS = """resources
| where type =~ 'microsoft.dataprotection/backupvaults'
| project id, name, location, resourceGroup, subscriptionId, tags, identity, properties
| order by id asc"""

# Those that the caller may read. The service passes over the others of a list in silence.
SUBSCRIPTIONS = """resourcecontainers
| where type =~ 'microsoft.resources/subscriptions'
| project id, name, subscriptionId
| order by id asc"""

_JOBS = """recoveryservicesresources
| where type =~ 'microsoft.dataprotection/backupvaults/backupjobs'
| where properties.dataSourceType =~ 'Microsoft.ContainerService/managedClusters'
| extend started = todatetime(properties.startTime), status = tostring(properties.status),
    operation = tostring(properties.operationCategory), instance = tolower(tostring(properties.backupInstanceId))
| where started > ago({days}d)"""

# A row for each instance, operation and status, however many jobs there were.
JOB_COUNTS = (
    _JOBS
    + """
| summarize jobs = count(), newest = max(started), days = make_list(bin(started, 1d))
    by id = instance, operation, status
| order by id asc, operation asc, status asc"""
)

# The jobs themselves, of those that did not go well.
JOBS_IN_TROUBLE = (
    _JOBS
    + """
| where status in~ ('Cancelled', 'CompletedWithWarnings', 'Failed')
| order by started desc, id asc
| project id, name, properties"""
)
