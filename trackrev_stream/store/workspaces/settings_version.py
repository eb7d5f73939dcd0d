"""The number that counts every change of a setting, so that caches see it."""

SETTINGS_VERSION = "settings_version"
