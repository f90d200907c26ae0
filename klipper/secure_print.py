# Loads Sealpost under the section name [secure_print].
#
# SPDX-License-Identifier: GPL-3.0-or-later


def load_config(config):
    return config.get_printer().load_object(config, "sealpost")
