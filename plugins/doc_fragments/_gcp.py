# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that say who asks Google Cloud Storage. PRIVATE to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    """The names are those of the collection C(google.cloud), and of what AWX's Google credential sets."""

    DOCUMENTATION = r"""
options:
  auth_kind:
    description:
      - What kind of credentials the controller has for Google Cloud Storage.
      - V(serviceaccount) is a key, in O(service_account_file) or O(service_account_contents).
      - V(machineaccount) is the account of the virtual machine or pod in Google Cloud that the controller runs on.
      - V(accesstoken) is an O(access_token).
      - V(application) is what Google's library finds by itself, such as the file that
        E(GOOGLE_APPLICATION_CREDENTIALS) names.
      - Not set, it is E(GCP_AUTH_KIND), or else V(serviceaccount) where there is a key, V(accesstoken) where there is
        a token, and V(application) where there is neither.
    type: str
    choices: [application, serviceaccount, machineaccount, accesstoken]
  service_account_file:
    description:
      - The file on the controller with a service account's key, as JSON.
      - Not set, it is E(GCP_SERVICE_ACCOUNT_FILE).
    type: path
  service_account_contents:
    description:
      - A service account's key itself, as JSON.
      - Not set, it is E(GCP_SERVICE_ACCOUNT_CONTENTS).
    type: jsonarg
  service_account_email:
    description:
      - The service account that signs what nodes may upload, where it is not the one of the credentials.
      - Google then signs for it (IAM's C(signBlob)), with the role C(roles/iam.serviceAccountTokenCreator) on it.
      - With V(accesstoken), and with a user's own credentials, it is needed, since these can sign nothing.
      - Not set, it is E(GCP_SERVICE_ACCOUNT_EMAIL).
    type: str
  access_token:
    description:
      - An OAuth2 access token.
      - Not set, it is E(GCP_ACCESS_TOKEN).
    type: str
  project:
    description:
      - The project in Google Cloud.
      - Not set, it is E(GCP_PROJECT).
    type: str
requirements:
  - google-cloud-storage >= 3.0.0 (Python package, on the controller, for a sink in Google Cloud Storage)
"""
