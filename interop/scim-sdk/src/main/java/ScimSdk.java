import com.unboundid.scim2.client.ScimService;
import com.unboundid.scim2.common.GenericScimResource;
import com.unboundid.scim2.common.exceptions.ResourceNotFoundException;
import com.unboundid.scim2.common.filters.Filter;
import com.unboundid.scim2.common.types.GroupResource;
import com.unboundid.scim2.common.types.Member;
import com.unboundid.scim2.common.types.Name;
import com.unboundid.scim2.common.types.UserResource;
import jakarta.ws.rs.client.ClientBuilder;
import jakarta.ws.rs.client.ClientRequestFilter;
import java.net.URI;
import org.glassfish.jersey.client.ClientConfig;
import org.glassfish.jersey.jnh.connector.JavaNetHttpConnectorProvider;

/** Ping Identity's SCIM 2 SDK over java.net.http.HttpClient, which offers h2c on http://. Arguments: base URL, token. */
public final class ScimSdk {
  public static void main(String[] arguments) throws Exception {
    var config = new ClientConfig().connectorProvider(new JavaNetHttpConnectorProvider());
    ClientRequestFilter token = request -> request.getHeaders().putSingle("Authorization", "Bearer " + arguments[1]);
    var client = ClientBuilder.newClient(config).register(token);
    var scim = new ScimService(client.target(URI.create(arguments[0])));

    var user = new UserResource().setUserName("grace").setName(new Name().setGivenName("Grace").setFamilyName("Hopper"));
    user.setActive(true);
    user = scim.create("Users", user);
    check(scim.retrieve("Users", user.getId(), UserResource.class).getUserName().equals("grace"), "retrieve");

    var found = scim.searchRequest("Users").filter(Filter.eq("userName", "grace").toString()).invoke(UserResource.class);
    check(found.getTotalResults() == 1, "filter");
    found = scim.searchRequest("Users").filter("userName eq \"grace\"").invokePost(UserResource.class);
    check(found.getTotalResults() == 1, "filter by POST");

    user.setDisplayName("Rear Admiral");
    user = scim.replace(user);
    check("Rear Admiral".equals(user.getDisplayName()), "replace");
    user = scim.modifyRequest("Users", user.getId()).replaceValue("active", false).invoke(UserResource.class);
    check(!user.getActive(), "patch");

    var group = new GroupResource().setDisplayName("Compilers");
    group = scim.create("Groups", group);
    scim.modifyRequest("Groups", group.getId())
        .addValues("members", new Member().setValue(user.getId()))
        .invoke(GenericScimResource.class);
    group = scim.retrieve("Groups", group.getId(), GroupResource.class);
    check(group.getMembers().get(0).getValue().equals(user.getId()), "member");
    scim.modifyRequest("Groups", group.getId())
        .removeValues("members[value eq \"" + user.getId() + "\"]")
        .invoke(GenericScimResource.class);
    group = scim.retrieve("Groups", group.getId(), GroupResource.class);
    check(group.getMembers() == null || group.getMembers().isEmpty(), "no member");
    check(scim.getServiceProviderConfig().getPatch().isSupported(), "discovery");

    scim.delete("Groups", group.getId());
    scim.delete("Users", user.getId());
    try {
      scim.retrieve("Users", user.getId(), UserResource.class);
      throw new AssertionError("deleted user found");
    } catch (ResourceNotFoundException expected) {
      System.out.println("SCIM SDK: all as expected");
    }
  }

  private static void check(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }
}
