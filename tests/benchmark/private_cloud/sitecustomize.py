# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets azure.azcollection work with another cloud than the public ones.

For that its modules call a function of azure-cli-core that the version they pin does not have. Python imports this file
by itself where its folder is in PYTHONPATH; the function is added when the module that lacks it is imported.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys

NAME = "azure.cli.core.cloud"


class Completed(importlib.abc.Loader):
    """The module's own loader, and then the function."""

    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)

        def get_cloud_from_metadata_endpoint(url):
            import requests

            found = requests.get(f"{url.rstrip('/')}/metadata/endpoints?api-version=2022-09-01", timeout=30).json()
            manager = found["resourceManager"]
            endpoints = module.CloudEndpoints(
                active_directory=found["authentication"]["loginEndpoint"],
                active_directory_resource_id=found["authentication"]["audiences"][0],
                management=manager,
                microsoft_graph_resource_id=manager,
                resource_manager=manager,
            )
            return module.Cloud(found["name"], endpoints=endpoints)

        module.get_cloud_from_metadata_endpoint = get_cloud_from_metadata_endpoint


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != NAME:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None:
            spec.loader = Completed(spec.loader)
        return spec


sys.meta_path.insert(0, Finder())
