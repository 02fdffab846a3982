# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kube-apiserver, built from Debian's source package: nobody packages the program itself.

It is built once for a machine and kept in the user's cache. Debian 12's is of an old version, but the real thing:
validation by schema, rights, watches, resource versions. etcd and kubectl come as Debian built them.
"""

from __future__ import annotations

import os
import pathlib
import platform
import shutil
import tarfile

from .tools import Failed, Shell, Skipped, locked

VERSION = '1.20.2'
SUITE = 'bookworm'
# What the build needs beside Go itself, and the packages that have it.
PROGRAMS = {'go': 'golang-go', 'jq': 'jq', 'make': 'make', 'rsync': 'rsync', 'xz': 'xz-utils'}
# Packages of which a file is taken, without installing them: a package of etcd would start a server.
TAKEN = {'etcd-server': 'usr/bin/etcd', 'kubernetes-client': 'usr/bin/kubectl'}
REFLECT2 = 'golang-github-modern-go-reflect2-dev'


def cache() -> pathlib.Path:
    """Where the programs lie: of the user, since they are the same for every clone."""
    home = pathlib.Path(os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache')
    return home / 'aks-backup' / f'kube-apiserver-{VERSION}-{platform.machine()}'


def programs(shell: Shell) -> pathlib.Path:
    """The folder with etcd, kube-apiserver and kubectl, built now where the cache lacks it.

    Raises Skipped where that is not possible.
    """
    folder = cache()
    with locked('kube-apiserver'):
        if not (folder / 'made').exists():
            _build(shell, folder)
    return folder


def _build(shell: Shell, folder: pathlib.Path) -> None:
    if not shutil.which('apt-get'):
        raise Skipped(f'kube-apiserver is built from a source package of Debian, and {folder} holds none yet')
    shutil.rmtree(folder, ignore_errors=True)
    work = folder / 'work'
    (work / 'lists' / 'partial').mkdir(parents=True)
    try:
        _install(shell)
        _fetch(shell, work)
        shutil.copy2(_compile(shell, work), folder / 'kube-apiserver')
        for package, path in TAKEN.items():
            shutil.copy2(work / package / path, folder)
    except Failed as reason:
        raise Skipped(f'kube-apiserver could not be built: {reason}. {shell.log} has the output') from reason
    finally:
        shutil.rmtree(work, ignore_errors=True)
    (folder / 'made').write_text(f'{VERSION}\n')


def _install(shell: Shell) -> None:
    missing = sorted(package for program, package in PROGRAMS.items() if not shutil.which(program))
    if not missing:
        return
    if os.geteuid():
        raise Failed(f'it needs {", ".join(missing)}, and only root can install them: apt-get install them first')
    shell.call('apt-get', 'update', '-qq', env=None)
    shell.call('apt-get', 'install', '-y', '-qq', '--no-install-recommends', *missing, env=None,
               extra={'DEBIAN_FRONTEND': 'noninteractive'})


def _fetch(shell: Shell, work: pathlib.Path) -> None:
    """Fetch and unpack source and packages, by lists of our own: the machine's may lack sources, or be of elsewhere."""
    listing = shell.call(
        'apt-get', 'indextargets', '--format', '$(REPO_URI) $(COMPONENT)', 'Identifier: Packages', env=None,
    )[1]
    # The machine's mirror, which may be the only one that it reaches.
    mirrors = [line.split()[0] for line in listing.splitlines()
               if line.endswith(' main') and line.split()[0].rstrip('/').endswith('/debian')]
    mirror = mirrors[0] if mirrors else 'http://deb.debian.org/debian'
    keys = '/usr/share/keyrings/debian-archive-keyring.gpg'
    (work / 'sources.list').write_text(''.join(
        f'{kind} [signed-by={keys}] {mirror} {SUITE} main\n' for kind in ('deb', 'deb-src')
    ))
    options = [f'-o=Dir::Etc::sourcelist={work / "sources.list"}', '-o=Dir::Etc::sourceparts=-',
               f'-o=Dir::State::lists={work / "lists"}', '-o=APT::Sandbox::User=root']
    shell.call('apt-get', *options, 'update', '-qq', env=None)
    shell.call('apt-get', *options, 'source', '-qq', '--download-only', 'kubernetes', env=None, cwd=work)
    shell.call('apt-get', *options, 'download', '-qq', *TAKEN, REFLECT2, env=None, cwd=work)
    for package in (*TAKEN, REFLECT2):
        shell.call('dpkg', '-x', next(work.glob(f'{package}_*.deb')), work / package, env=None)


def _compile(shell: Shell, work: pathlib.Path) -> pathlib.Path:
    # The build insists on lying in a GOPATH.
    source = work / 'go' / 'src' / 'k8s.io' / 'kubernetes'
    source.mkdir(parents=True)
    archive = next(work.glob('kubernetes_*.orig.tar.*'))
    if VERSION not in archive.name:
        raise Failed(f'Debian has {archive.name} now; tests/run/apiserver.py must learn to build that')
    with tarfile.open(archive) as packed:
        packed.extractall(work / 'unpacked', filter='tar')
    for entry in next((work / 'unpacked').iterdir()).iterdir():
        entry.rename(source / entry.name)
    # Its own copy of this library is too old for the Go of Debian 12 and crashes at the first custom resource.
    library = source / 'vendor' / 'github.com' / 'modern-go' / 'reflect2'
    for path in [*library.glob('*.go'), *library.glob('*.s')]:
        path.unlink()
    newer = work / REFLECT2 / 'usr' / 'share' / 'gocode' / 'src' / 'github.com' / 'modern-go' / 'reflect2'
    for path in [*newer.glob('*.go'), *newer.glob('*.s')]:
        shutil.copy2(path, library)
    shell.call('make', 'WHAT=cmd/kube-apiserver', env=None, cwd=source, extra={
        'CGO_ENABLED': '0', 'GOCACHE': str(work / 'cache'), 'GOFLAGS': '-mod=vendor', 'GOPATH': str(work / 'go'),
        'KUBE_GIT_VERSION': f'v{VERSION}',
    })
    return next(source.glob('_output/**/bin/**/kube-apiserver'))
