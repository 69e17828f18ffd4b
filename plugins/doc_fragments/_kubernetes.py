# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that say which Kubernetes API is asked, and as whom. PRIVATE to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    """The names are those of the collection C(kubernetes.core), and of what AWX's Kubernetes credential sets."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - A file on the controller that C(kubectl) can use. Where it is an option, no variable of the environment that
        tells a server or credentials is looked at.
      - Not set, it is E(K8S_AUTH_KUBECONFIG). Where neither O(host) nor O(context) is given either, it is
        E(KUBECONFIG), else the service account of the pod that the controller runs in, else C(~/.kube/config).
    type: path
  context:
    description:
      - The context of the kubeconfig, else its current one.
      - Not set, it is E(K8S_AUTH_CONTEXT).
    type: str
  host:
    description:
      - URL of the API server, such as V(https://10.0.0.1:6443). With credentials beside it no kubeconfig is read.
      - Not set, it is E(K8S_AUTH_HOST).
    type: str
  api_key:
    description:
      - A bearer token.
      - Not set, it is E(K8S_AUTH_API_KEY).
    type: str
  username:
    description:
      - Name for HTTP basic authentication, which a proxy before the API server may want.
      - Not set, it is E(K8S_AUTH_USERNAME).
    type: str
  password:
    description:
      - Password for HTTP basic authentication.
      - Not set, it is E(K8S_AUTH_PASSWORD).
    type: str
  client_cert:
    description:
      - File on the controller with a client's certificate, in PEM.
      - Not set, it is E(K8S_AUTH_CERT_FILE).
    type: path
    aliases: [cert_file]
  client_key:
    description:
      - File on the controller with its key.
      - Not set, it is E(K8S_AUTH_KEY_FILE).
    type: path
    aliases: [key_file]
  ca_cert:
    description:
      - File on the controller with the authorities that the API server's certificate is checked against.
      - Not set, it is E(K8S_AUTH_SSL_CA_CERT).
    type: path
    aliases: [ssl_ca_cert]
  validate_certs:
    description:
      - Whether the API server's certificate is checked. Without O(validate_certs) and E(K8S_AUTH_VERIFY_SSL) it is,
        unless the kubeconfig says otherwise.
    type: bool
    aliases: [verify_ssl]
  proxy:
    description:
      - URL of a proxy on the way to the API server.
      - Not set, it is E(K8S_AUTH_PROXY), else what the kubeconfig says, else E(HTTPS_PROXY).
    type: str
  no_proxy:
    description:
      - Hosts that are reached without the proxy, separated by commas.
      - Not set, it is E(K8S_AUTH_NO_PROXY), else E(NO_PROXY).
    type: str
  impersonate_user:
    description:
      - Ask as this user, for which one needs the right to impersonate.
      - Not set, it is E(K8S_AUTH_IMPERSONATE_USER).
    type: str
  impersonate_groups:
    description:
      - Ask as a member of these groups.
      - Not set, it is E(K8S_AUTH_IMPERSONATE_GROUPS), separated by commas.
    type: list
    elements: str
requirements:
  - kubernetes >= 28.1.0 (Python package, on the controller, where the API is asked)
"""
