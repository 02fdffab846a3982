# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie, and the environment in which every tool runs.

The tools see neither the Ansible configuration nor the Azure credentials of the user, but they do see how
packages are fetched here: proxies, certificates and package indexes.
"""

from __future__ import annotations

import ast
import collections.abc as c
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / '.work'
HOME = WORK / 'home'
LOGS = WORK / 'log'
ENVIRONMENTS = WORK / 'env'
# The checkout under the path that Ansible wants, for everything that follows symbolic links.
LINK = WORK / 'link'
# A copy of the same, for the tools that do not: ansible-test, the build.
TREE = WORK / 'tree'
COLLECTION = pathlib.Path('ansible_collections', 'aks', 'backup')

# Variables that would let the user's set-up into a test.
FOREIGN_PREFIXES = ('ANSIBLE_', 'ARM_', 'AZURE_', 'GIT_CONFIG_', 'PYTEST_', 'XDG_')
FOREIGN = frozenset({
    'IDENTITY_ENDPOINT', 'IDENTITY_HEADER', 'MSI_ENDPOINT', 'MSI_SECRET',  # managed identities
    'PYTHONHOME', 'PYTHONPATH', 'PYTHONSTARTUP', 'VIRTUAL_ENV',
})
LOOPBACK = ('localhost', '127.0.0.1')


def tool_environ(environ: c.Mapping[str, str], binaries: pathlib.Path | None = None) -> dict[str, str]:
    """The environment of a tool: that of the user, less what is foreign, with a home of its own.

    binaries: folder of programs that comes first on PATH.
    """
    kept = {
        name: value for name, value in environ.items()
        if name not in FOREIGN and not name.startswith(FOREIGN_PREFIXES)
    }
    without_proxy = [item for item in kept.get('no_proxy', kept.get('NO_PROXY', '')).split(',') if item]
    without_proxy += [name for name in LOOPBACK if name not in without_proxy]
    path = kept.get('PATH', os.defpath)
    kept.update({
        'ANSIBLE_COLLECTIONS_PATH': str(LINK),
        'ANSIBLE_CONFIG': str(ROOT / 'tests' / 'run' / 'ansible.cfg'),
        # A clone may belong to another user, as in a container; git then wants to be told.
        'GIT_CONFIG_COUNT': '1',
        'GIT_CONFIG_KEY_0': 'safe.directory',
        'GIT_CONFIG_VALUE_0': '*',
        'HOME': str(HOME),
        'LC_ALL': 'C.UTF-8',
        'NO_PROXY': ','.join(without_proxy),
        'no_proxy': ','.join(without_proxy),
        'PATH': f'{binaries}{os.pathsep}{path}' if binaries else path,
        'PIP_DISABLE_PIP_VERSION_CHECK': '1',
        'PYTHONUNBUFFERED': '1',
    })
    kept.setdefault('UV_CACHE_DIR', str(WORK / 'cache' / 'uv'))
    kept.setdefault('PIP_CACHE_DIR', str(WORK / 'cache' / 'pip'))
    return kept


def pip_settings(listing: str) -> dict[str, dict[str, str]]:
    """`pip config list` as sections of a pip.conf, settings from the environment in the section global."""
    sections: dict[str, dict[str, str]] = {}
    for line in listing.splitlines():
        name, equals, value = line.partition('=')
        section, dot, key = name.strip().rpartition('.')
        if not (equals and dot):
            continue
        section = 'global' if section == ':env:' else section
        if section == 'global' and key == 'config-file':
            continue
        sections.setdefault(section, {})[key] = str(ast.literal_eval(value))
    return sections


def pip_configuration(sections: c.Mapping[str, c.Mapping[str, str]], environ: c.Mapping[str, str]) -> str:
    """The text of a pip.conf with these settings, and the proxy and certificates that the environment names.

    ansible-test hands neither PIP_* nor proxy variables to the pip that it starts, but it does hand over HOME.
    """
    merged = {section: dict(values) for section, values in sections.items()}
    everywhere = merged.setdefault('global', {})
    for key, names in (
        ('cert', ('SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE')),
        ('proxy', ('https_proxy', 'HTTPS_PROXY')),
    ):
        for name in names:
            if environ.get(name):
                everywhere.setdefault(key, environ[name])
    lines = []
    for section, values in sorted(merged.items()):
        lines.append(f'[{section}]')
        lines += [f'{key} = ' + '\n    '.join(value.split('\n')) for key, value in sorted(values.items())]
    return '\n'.join(lines) + '\n'


def uv_environ(sections: c.Mapping[str, c.Mapping[str, str]], environ: c.Mapping[str, str]) -> dict[str, str]:
    """What uv, which reads no pip.conf, must be told beside the environment that it reads."""
    told = {}
    settings = sections.get('global', {})
    if 'index-url' in settings and not any(name in environ for name in ('UV_DEFAULT_INDEX', 'UV_INDEX_URL')):
        told['UV_DEFAULT_INDEX'] = settings['index-url']
    if 'cert' in settings and 'SSL_CERT_FILE' not in environ:
        told['SSL_CERT_FILE'] = settings['cert']
    users = pathlib.Path(environ.get('XDG_CONFIG_HOME') or pathlib.Path.home() / '.config') / 'uv' / 'uv.toml'
    if 'UV_CONFIG_FILE' not in environ and users.is_file():
        told['UV_CONFIG_FILE'] = str(users)
    return told


def python_problem(version: tuple[int, ...] = sys.version_info[:2]) -> str | None:
    """Why this Python cannot make the environments, or None."""
    if not (3, 11) <= version <= (3, 13):
        return (
            f'ansible-core 2.19 runs on Python 3.11 to 3.13, and this is {version[0]}.{version[1]}. '
            'Put a fitting python3 first on PATH.'
        )
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        return 'Python cannot make virtual environments here. On Debian: apt-get install python3-venv'
    return None
