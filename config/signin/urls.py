"""The addresses of sign-in and security: those of django-allauth that we want, under its names, and no other."""

from allauth.account import views as account
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.webauthn import views as passkeys
from allauth.socialaccount.providers.openid_connect import views as company
from django.urls import path

from config.signin import views

sign_in = views.SignIn.as_view()

urlpatterns = [
    path("signin/", sign_in, name="signin"),
    path("signin/", sign_in, name="account_login"),
    path("signin/", sign_in, name="socialaccount_login_cancelled"),
    path("signin/code/", factors.authenticate, name="mfa_authenticate"),
    path("signin/passkey/", passkeys.login_webauthn, name="mfa_login_webauthn"),
    path("signin/again/", account.reauthenticate, name="account_reauthenticate"),
    path("signin/again/code/", factors.reauthenticate, name="mfa_reauthenticate"),
    path("signin/again/passkey/", passkeys.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("signin/sso/<slug:provider_id>/", views.to_company, name="openid_connect_login"),
    path("signin/sso/<slug:provider_id>/callback/", company.callback, name="openid_connect_callback"),
    path("signout/", views.SignOut.as_view(), name="signout"),
    path("settings/security/", views.security, name="security"),
    path("settings/security/", views.security, name="mfa_index"),
    path("settings/security/password/", views.ChangePassword.as_view(), name="account_change_password"),
    path("settings/security/app/", views.AddApp.as_view(), name="mfa_activate_totp"),
    path("settings/security/app/off/", views.RemoveApp.as_view(), name="mfa_deactivate_totp"),
    path("settings/security/codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("settings/security/codes/new/", views.MakeCodes.as_view(), name="mfa_generate_recovery_codes"),
    path("settings/security/passkeys/add/", views.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("settings/security/passkeys/<int:pk>/remove/", views.RemovePasskey.as_view(), name="mfa_remove_webauthn"),
    path("settings/sessions/", views.sessions, name="sessions"),
]
